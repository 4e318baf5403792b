//! When a checkpoint is made, and how it is gathered.
//!
//! It begins between two batches: every owner finds a token in its inbox, behind all that came
//! before. An owner that meets the token lays its queue, as it is then, on the desk, behind all
//! the changes that it has laid there. So each queue is marked at a place of the log, and nobody
//! stands still. See `format/checkpoint.rs` for what start-up makes of it.

use std::io;

use super::inbox::Arrival;
use super::run::Writer;
use super::work::MarkWork;
use crate::format::checkpoint::Marked;
use crate::format::entry::Position;

/// Queues that were marked in a batch.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Marked>);

/// A checkpoint that is being gathered.
#[derive(Debug)]
pub(crate) struct Gathering {
    /// Where the log is read from.
    from: Position,
    /// Queues that are still to be marked.
    missing: usize,
    marked: Vec<Marked>,
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
        let rolled = current > self.checkpointed;
        let floor = self.archive.floor();
        let wanted = chores_due && self.ledger.waits_for_checkpoint(floor, current);
        if self.gathering.is_some() || !(rolled || wanted) {
            return;
        }
        self.checkpointed = current;
        self.rooms = self.registry.rooms();
        for room in &self.rooms {
            room.inbox.leave(&mut vec![Arrival::Checkpoint]);
        }
        let missing = self.rooms.len();
        self.gathering = Some(Gathering { from: self.log.end(), missing, marked: Vec::new() });
    }

    /// What the queues that were marked in a batch say is written; a checkpoint that is whole is
    /// saved once it is durable.
    pub(super) fn gather(&mut self, marks: &mut Marks) -> io::Result<()> {
        let Some(gathering) = &mut self.gathering else { return Ok(()) };
        for marked in marks.0.drain(..) {
            gathering.missing = gathering.missing.saturating_sub(1);
            gathering.marked.push(marked);
        }
        if gathering.missing == 0
            && let Some(Gathering { from, marked, .. }) = self.gathering.take()
        {
            // A checkpoint must not be on the disk before what it says was done.
            self.flush()?;
            self.archive.save_checkpoint(from, marked);
        }
        Ok(())
    }
}
