//! When a checkpoint is made, and how it is gathered.
//!
//! It begins between two batches: every owner finds a token in its inbox, behind all that came
//! before. An owner that meets the token lays its queue, as it is then, on the desk, behind all
//! the changes that it has laid there. So each queue is marked at a place of the log, and nobody
//! stands still. See `format/checkpoint.rs` for what start-up makes of it.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sluicegate_core::queue::Item;
use sluicegate_core::state::{Scope, Value};

use super::inbox::Arrival;
use super::janitor::retain_of;
use super::run::Writer;
use super::work::MarkWork;
use crate::archive::{Saved, Thinning};
use crate::format::checkpoint::Marked;
use crate::format::entry::Position;

/// Queues that were marked in a batch.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Marked>);

/// A checkpoint that is being gathered.
#[derive(Debug)]
pub(crate) struct Gathering {
    number: u32,
    /// Where the log is read from.
    from: Position,
    /// Queues that are still to be marked.
    missing: usize,
    marked: Vec<Marked>,
    /// The state at `from`.
    state: Vec<(Scope, Arc<str>, Value)>,
    thinning: Thinning,
    began: Instant,
}

impl Gathering {
    /// The segments that were to be thinned; none of them is now.
    pub(super) fn take_thinning(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.thinning).segments
    }
}

impl Marks {
    /// A queue is marked where the log ends now.
    pub(super) fn add(&mut self, work: MarkWork, end: Position) {
        self.0.push(Marked { queue: work.queue, mark: end.pack(), frame: work.frame });
    }
}

impl Writer {
    /// Begins a checkpoint, if it is time and none is being gathered. Everything that came so far
    /// is in the inboxes.
    pub(super) fn begin_checkpoint(&mut self, chores_due: bool) {
        let current = self.log.segment();
        let rolled = current > self.progress.checkpointed;
        let wanted = chores_due && {
            let (now, rooms) = (self.passed(), &self.rooms);
            let retain = |queue| retain_of(rooms, queue);
            self.ledger.waits_for_checkpoint(current, now, retain)
        };
        // What is parked is not in the log, but the queues have let go of it.
        let busy = self.progress.gathering.is_some()
            || self.archive.saves()
            || self.archive.rests(self.counters.disk_full.load(Ordering::Relaxed))
            || !self.progress.parked.is_empty();
        if busy || !(rolled || wanted) {
            return;
        }
        self.progress.checkpointed = current;
        self.rooms = self.registry.rooms();
        for room in &self.rooms {
            room.inbox.leave(&mut vec![Arrival::Checkpoint]);
        }
        let missing = self.rooms.len();
        let number = self.archive.next_number();
        let thinning = Thinning { segments: self.begin_thinning(number), came: Vec::new() };
        let (from, began) = (self.log.end(), Instant::now());
        let (marked, state) = (Vec::new(), self.states.committed());
        self.progress.gathering =
            Some(Gathering { number, from, missing, marked, state, thinning, began });
    }

    fn begin_thinning(&mut self, number: u32) -> BTreeSet<u32> {
        self.ledger.not_thinned(&self.archive.take_not_thinned());
        let (now, rooms) = (self.passed(), &self.rooms);
        let (_, floor) = self.archive.older();
        let chosen =
            self.ledger.begin_checkpoint(number, floor, now, |queue| retain_of(rooms, queue));
        // The archivist keeps their keys in files, which go when the last key is forgotten.
        let last = |segment: &u32| Some((*segment, self.ledger.keys_end(*segment)?));
        self.key_files.extend(chosen.iter().filter_map(last));
        chosen
    }

    /// An event comes into a queue while a checkpoint is gathered: its queue may have been asked
    /// before, and the one that it left may be asked after.
    pub(super) fn keep_from_thinning(&mut self, item: &Item) {
        let Some(Gathering { thinning, .. }) = &mut self.progress.gathering else { return };
        let chosen = item.places().filter(|place| thinning.segments.contains(&place.segment()));
        thinning.came.extend(chosen);
    }

    /// What the queues that were marked in a batch say is written; a checkpoint that is whole is
    /// saved once it is durable.
    pub(super) fn gather(&mut self, marks: &mut Marks) -> io::Result<()> {
        let Some(gathering) = &mut self.progress.gathering else { return Ok(()) };
        for marked in marks.0.drain(..) {
            gathering.missing = gathering.missing.saturating_sub(1);
            gathering.marked.push(marked);
        }
        if gathering.missing == 0
            && let Some(Gathering { number, from, marked, state, thinning, began, .. }) =
                self.progress.gathering.take()
        {
            // A checkpoint must not be on the disk before what it says was done.
            self.flush()?;
            let saved = Saved { from, marked, state };
            self.archive.save_checkpoint(number, saved, thinning, began);
        }
        Ok(())
    }
}
