//! What a batch leaves to be done once it is durable: queues to fill, counts to settle, people
//! to answer.

use std::io;

use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::{Change, Item, Place, QueueNumber};
use sluicegate_core::refusal::Refusal;

use super::postman::Post;
use super::run::Writer;
use super::work::{Answer, ChangesWork, CommitWork, Work};
use crate::format::entry::Position;

/// What is to be done once the batch is durable.
#[derive(Default)]
pub(super) struct Batch {
    /// Items that came, by queue number.
    arrivals: Vec<Vec<Item>>,
    changes: Vec<(Place, ChangesWork)>,
    receipts: Vec<Post>,
    /// Work that could not be added: the disk failed under it, or under work before it.
    pub(super) failed: Vec<Work>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) needs_flush: bool,
}

impl Batch {
    pub(super) fn new(queues: usize) -> Self {
        Self { arrivals: vec![Vec::new(); queues], ..Self::default() }
    }

    fn arrive(&mut self, queue: QueueNumber, item: Item) {
        if let Some(arrivals) = self.arrivals.get_mut(usize::from(queue.0)) {
            arrivals.push(item);
        }
    }
}

impl Writer {
    /// Adds work to the log, and to the batch what follows from it.
    pub(super) fn add(&mut self, work: Work, batch: &mut Batch) -> io::Result<()> {
        let known = match &work {
            Work::Commit(CommitWork { key: Some(key), received_at, .. }) => {
                self.keys.find(*key, *received_at)
            }
            _ => None,
        };
        if let (Some(first), Work::Commit(commit)) = (known, &work) {
            self.release(commit);
            self.counters.duplicates.increment();
            let Work::Commit(commit) = work else { return Ok(()) };
            let (ticket, repeat) = (commit.ticket, Repeat::Duplicate);
            batch.receipts.push(Post { ticket, event: first, repeat });
            return Ok(());
        }
        let before = self.log.segment();
        let position = match self.log.append(work.frame()) {
            Ok(position) => position,
            Err(fault) => {
                batch.failed.push(work);
                return Err(fault);
            }
        };
        if position.segment != before {
            self.ledger.begin(position.segment, self.keys.next());
            self.look_at_space();
        }
        batch.entries += 1;
        batch.bytes += work.frame().len() as u64;
        batch.needs_flush |= work.needs_flush();
        match work {
            Work::Commit(commit) => self.add_commit(commit, position, batch),
            Work::Changes(changes) => {
                batch.changes.push((Place::committed(position.pack(), 0), changes));
            }
        }
        Ok(())
    }

    fn add_commit(&mut self, commit: CommitWork, position: Position, batch: &mut Batch) {
        if let Some(key) = commit.key {
            self.keys.insert(key, commit.event, commit.received_at);
            self.ledger.remembered(position.segment, self.keys.next());
        }
        let retain =
            commit.placed.iter().filter_map(|placed| self.retain.get(placed.queue.0 as usize));
        let retain = retain.copied().max().unwrap_or_default();
        let position = position.pack();
        let place = Place::committed(position, 0);
        self.ledger.committed(place, commit.placed.len(), retain, commit.received_at);
        for placed in &commit.placed {
            let place = Place::committed(position, placed.part);
            batch.arrive(placed.queue, Item::fresh(place, commit.received_at, placed.weight));
        }
        let (ticket, event, repeat) = (commit.ticket, commit.event, Repeat::First);
        batch.receipts.push(Post { ticket, event, repeat });
    }

    /// Answers those who wait only until their entry is written.
    pub(super) fn written(&mut self, batch: &mut Batch) {
        let waits = |work: &ChangesWork| !matches!(work.answer, Answer::HandOut { .. });
        let changes = std::mem::take(&mut batch.changes);
        for (place, work) in changes {
            if waits(&work) { batch.changes.push((place, work)) } else { work.answer.give() }
        }
    }

    /// The batch is durable: what was waiting for that is done.
    pub(super) fn durable(&mut self, batch: &mut Batch) {
        let mut answers = Vec::new();
        for (place, work) in std::mem::take(&mut batch.changes) {
            for (change, part) in work.changes.into_iter().zip(0_u16..) {
                self.apply(work.queue, change, Place { part, ..place }, batch);
            }
            answers.push(work.answer);
        }
        for (arrivals, inbox) in batch.arrivals.iter_mut().zip(&self.inboxes) {
            if !arrivals.is_empty() {
                inbox.leave(arrivals);
                arrivals.clear();
            }
        }
        // Who is told of a move finds what was moved.
        answers.into_iter().for_each(Answer::give);
        if batch.receipts.len() > 1 {
            self.post.leave(&mut batch.receipts);
            batch.receipts.clear();
        }
        batch.receipts.drain(..).for_each(Post::deliver);
        (batch.entries, batch.bytes, batch.needs_flush) = (0, 0, false);
    }

    /// Refuses all that waits.
    pub(super) fn refuse(&mut self, batch: &mut Batch, what: &'static str) {
        let changes = std::mem::take(&mut batch.changes).into_iter();
        let changes = changes.map(|(_, work)| Work::Changes(work));
        for work in changes.chain(std::mem::take(&mut batch.failed)) {
            work.refuse(what);
        }
        for post in batch.receipts.drain(..) {
            // Who no longer waits needs no answer.
            let _ = post.ticket.send(Err(Refusal::StoreUnavailable { what }));
        }
    }

    fn apply(&mut self, queue: QueueNumber, change: Change, letter: Place, batch: &mut Batch) {
        let (item, moved) = match change {
            Change::Delayed { .. } => return,
            Change::Acked(item) | Change::Lost(item) => (item, None),
            Change::DeadLettered { item, to, .. } => {
                (item, Some((to, item.dead_lettered(queue, letter))))
            }
            Change::Redriven { item, to } => (item, Some((to, item.redriven()))),
        };
        self.ledger.left(&item);
        self.gauges(queue, |gauges| gauges.release(item.weight));
        if let Some(origin) = item.origin() {
            self.gauges(origin, |gauges| gauges.dead_left());
        }
        let Some((to, moved)) = moved else { return };
        self.ledger.came(&moved);
        self.gauges(to, |gauges| gauges.add(moved.weight));
        if let Some(origin) = moved.origin() {
            self.gauges(origin, |gauges| gauges.dead_came());
        }
        batch.arrive(to, moved);
    }

    /// Gives back the room that a commit had reserved.
    fn release(&self, commit: &CommitWork) {
        for placed in &commit.placed {
            self.gauges(placed.queue, |gauges| gauges.release(placed.weight));
        }
    }
}
