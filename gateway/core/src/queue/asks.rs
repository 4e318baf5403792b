//! The consumers that wait for events, in the order in which they came.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::limits::{LEASE_MS_MAX, RECEIVE_BATCH_MAX, RECEIVE_WAIT_MS_MAX};
use crate::seams::Ask;
use crate::time::Timestamp;

/// The consumers that wait.
#[derive(Debug, Default)]
pub(super) struct Asks {
    line: BTreeMap<u64, Waiting>,
    /// When waits end, by the steady clock.
    ends: BTreeSet<(Timestamp, u64)>,
    turns: HashMap<u64, u64>,
    next: u64,
}

/// A consumer that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) ask: u64,
    pub(super) max: usize,
    pub(super) lease: Duration,
    until: Timestamp,
}

impl Asks {
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    pub(super) fn add(&mut self, ask: u64, terms: Ask, now: Timestamp) {
        let until = now.plus(terms.wait.min(Duration::from_millis(RECEIVE_WAIT_MS_MAX)));
        let waiting = Waiting {
            ask,
            max: terms.max.clamp(1, RECEIVE_BATCH_MAX),
            lease: terms.lease.min(Duration::from_millis(LEASE_MS_MAX)),
            until,
        };
        self.line.insert(self.next, waiting);
        self.ends.insert((until, self.next));
        self.turns.insert(ask, self.next);
        self.next += 1;
    }

    pub(super) fn withdraw(&mut self, ask: u64) {
        if let Some(turn) = self.turns.get(&ask).copied() {
            self.remove(turn);
        }
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<Waiting> {
        self.line.first_key_value().map(|(_, waiting)| *waiting)
    }

    /// The first one has its answer.
    pub(super) fn pop(&mut self) {
        if let Some(turn) = self.line.first_key_value().map(|(turn, _)| *turn) {
            self.remove(turn);
        }
    }

    /// When the next wait ends, by the steady clock.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// Takes out one whose wait is over.
    pub(super) fn take_over(&mut self, now: Timestamp) -> Option<u64> {
        let (_, turn) = self.ends.first().copied().filter(|(until, _)| *until <= now)?;
        self.remove(turn)
    }

    fn remove(&mut self, turn: u64) -> Option<u64> {
        let waiting = self.line.remove(&turn)?;
        self.ends.remove(&(waiting.until, turn));
        self.turns.remove(&waiting.ask);
        Some(waiting.ask)
    }
}
