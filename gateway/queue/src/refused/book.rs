//! The list of what is kept of one source and class, in memory: where each delivery lies and how it
//! stands.
//! Pure: it knows files by their numbers only.

use std::collections::BTreeMap;

use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::time::Timestamp;

use super::bounds::{RefusedBounds, RefusedUsage};
use super::words::{Kept, RefusedClass, RefusedDelivery, RefusedStanding};
use crate::format::entry::Position;
use crate::format::refused::{Mark, What};

/// A delivery in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) position: Position,
    pub(super) kept: Kept,
}

/// What is kept of one source and class.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// In the order of arrival, which is that of ids.
    lines: BTreeMap<EventId, Line>,
    /// Bytes of each file, the oldest first.
    files: BTreeMap<u32, u64>,
    evicted: u64,
    pub(super) damaged: u64,
}

impl Book {
    pub(super) fn add(
        &mut self,
        source: &SourceName,
        refused: &RefusedDelivery,
        position: Position,
        bytes: u64,
    ) {
        let kept = Kept {
            id: refused.id,
            source: source.clone(),
            at: refused.at,
            code: refused.code.clone(),
            why: refused.why.clone(),
            bytes,
            standing: RefusedStanding::Kept,
        };
        self.lines.insert(refused.id, Line { position, kept });
    }

    /// Takes note of a mark; one of a delivery that is gone says nothing.
    pub(super) fn mark(&mut self, mark: &Mark) {
        if let Some(line) = self.lines.get_mut(&mark.id) {
            line.kept.standing = match mark.what {
                What::Releasing => RefusedStanding::Releasing(mark.at),
                What::Released(event) => RefusedStanding::Released(event),
                What::Held => RefusedStanding::Kept,
            };
        }
    }

    /// Takes note of how long a file is.
    pub(super) fn file_is(&mut self, number: u32, bytes: u64) {
        self.files.insert(number, bytes);
    }

    pub(super) fn forget_file(&mut self, number: u32) {
        self.files.remove(&number);
        self.lines.retain(|_, line| line.position.segment != number);
    }

    pub(super) fn remove(&mut self, id: EventId) -> Option<Line> {
        self.lines.remove(&id)
    }

    pub(super) fn find(&self, id: EventId) -> Option<&Line> {
        self.lines.get(&id)
    }

    /// Those after this one, in order.
    pub(super) fn after(&self, id: Option<EventId>) -> impl Iterator<Item = &Kept> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = id.map_or(Unbounded, Excluded);
        self.lines.range((from, Unbounded)).map(|(_, line)| &line.kept)
    }

    /// Forgets what is over the bounds or too old, the oldest first; the numbers of the files that
    /// nobody needs any more. Only the oldest files go: a mark lies behind what it is about.
    pub(super) fn evict(&mut self, bounds: &RefusedBounds, now: Timestamp) -> Vec<u32> {
        let before = self.lines.len();
        while let Some((_, oldest)) = self.lines.first_key_value() {
            let too_old = now.since(oldest.kept.at) > bounds.age_max;
            if !too_old && self.lines.len() <= bounds.events_max {
                break;
            }
            self.lines.pop_first();
        }
        let mut gone = Vec::new();
        while let Some((oldest, _)) = self.files.first_key_value() {
            let oldest = *oldest;
            let over = self.bytes() > bounds.bytes_max && self.files.len() > 1;
            if !over && !self.is_empty_file(oldest) {
                break;
            }
            self.forget_file(oldest);
            gone.push(oldest);
        }
        self.evicted += (before - self.lines.len()) as u64;
        gone
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.values().sum()
    }

    /// Whether no delivery lies in a file. The first one tells, mostly.
    fn is_empty_file(&self, number: u32) -> bool {
        self.lines.values().all(|line| line.position.segment != number)
    }

    pub(super) fn add_usage(&self, class: RefusedClass, to: &mut RefusedUsage) {
        to.events += self.lines.len() as u64;
        to.bytes += self.bytes();
        to.damaged += self.damaged;
        match class {
            RefusedClass::Likely => to.evicted += self.evicted,
            RefusedClass::Unsigned => to.evicted_unsigned += self.evicted,
        }
    }
}
