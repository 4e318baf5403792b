//! What is remembered of attempts that failed, of the events that are still here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::item::Place;
use crate::letter::Failure;
use crate::limits::FAILURES_MAX;

/// The last failed attempts of each event, oldest first.
#[derive(Debug, Default)]
pub(super) struct Failures {
    of: HashMap<Place, Vec<Failure>>,
    /// The last different reasons. A sink that is down says the same of a million events: they
    /// share one text.
    reasons: VecDeque<Arc<str>>,
}

impl Failures {
    /// One more. A second one of the same attempt takes the place of the first.
    pub(super) fn add(&mut self, id: Place, failure: Failure) {
        let why = self.shared(failure.why);
        let known = self.of.entry(id).or_default();
        if known.last().is_some_and(|last| last.attempt == failure.attempt) {
            known.pop();
        }
        if known.len() >= FAILURES_MAX {
            known.remove(0);
        }
        known.reserve_exact(1);
        known.push(Failure { why, ..failure });
    }

    pub(super) fn of(&self, id: Place) -> &[Failure] {
        self.of.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn take(&mut self, id: Place) -> Vec<Failure> {
        self.of.remove(&id).unwrap_or_default()
    }

    fn shared(&mut self, why: Arc<str>) -> Arc<str> {
        if let Some(known) = self.reasons.iter().find(|known| **known == why) {
            return Arc::clone(known);
        }
        if self.reasons.len() >= REASONS_MAX {
            self.reasons.pop_front();
        }
        self.reasons.push_back(Arc::clone(&why));
        why
    }
}

const REASONS_MAX: usize = 8;
