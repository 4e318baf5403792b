//! A batch: what works leave to be done once they are durable, and what follows from each.

use std::io;

use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::{Change, Item, Place, QueueFault, QueueNumber};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Uncommitted;
use tokio::sync::oneshot;

use super::checkpoint::Marks;
use super::inbox::Arrival;
use super::postman::Post;
use super::run::Writer;
use super::work::{AgainWork, Answer, ChangesWork, CommitWork, LookupWork, Work};
use crate::archive::Job;
use crate::dedupe::KeyHash;
use crate::format::entry::Position;
use crate::log::{LogFault, Use};

/// What is to be done once the batch is durable.
#[derive(Default)]
pub(super) struct Batch {
    /// Events that came, by queue number, in the order of their ids.
    arrivals: Vec<Vec<Arrival>>,
    /// Those of them that the index of the segment is not told of yet.
    unlisted: Vec<(QueueNumber, Item)>,
    unlisted_keys: Vec<(KeyHash, EventId)>,
    answers: Vec<Answer>,
    handouts: Vec<Answer>,
    lookups: Vec<(oneshot::Sender<Option<EventId>>, Option<EventId>)>,
    receipts: Vec<Post>,
    tickets: Vec<oneshot::Sender<Result<(), QueueFault>>>,
    pub(super) marks: Marks,
    /// Work that could not be added: the disk failed under it, or under work before it.
    pub(super) failed: Vec<Work>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) commit_bytes: u64,
    pub(super) needs_flush: bool,
}

impl Batch {
    fn arrive(&mut self, queue: QueueNumber, item: Item) {
        let at = usize::from(queue.0);
        if self.arrivals.len() <= at {
            self.arrivals.resize_with(at + 1, Vec::new);
        }
        if let Some(arrivals) = self.arrivals.get_mut(at) {
            arrivals.push(Arrival::Item(item));
        }
        self.unlisted.push((queue, item));
    }
}

impl Writer {
    /// Adds what found no room before, and then this. What a queue has decided cannot be refused:
    /// it is kept in order until there is room, and whoever waits for it waits.
    pub(super) fn add_in_order(&mut self, work: Work, batch: &mut Batch) -> io::Result<()> {
        let decided = matches!(work, Work::Changes(_) | Work::Mark(_));
        if decided && !self.progress.parked.is_empty() {
            self.progress.parked.push_back(work);
            return Ok(());
        }
        self.add(work, batch)
    }

    /// Tries again to add what found no room.
    pub(super) fn add_parked(&mut self, batch: &mut Batch) -> io::Result<()> {
        for _ in 0..self.progress.parked.len() {
            let Some(work) = self.progress.parked.pop_front() else { break };
            let before = self.progress.parked.len();
            self.add(work, batch)?;
            if self.progress.parked.len() > before {
                // There is still none: it is the first again.
                self.progress.parked.rotate_right(1);
                break;
            }
        }
        Ok(())
    }

    /// Adds work to the log, and to the batch what follows from it.
    pub(super) fn add(&mut self, work: Work, batch: &mut Batch) -> io::Result<()> {
        let Some(work) = self.answer(work, batch) else { return Ok(()) };
        let before = self.log.segment();
        let of = if matches!(work, Work::Commit(_) | Work::Again(_)) {
            Use::Commit
        } else {
            Use::Settlement
        };
        let position = match self.log.append(work.frame(), of) {
            Ok(position) => position,
            Err(LogFault::Full) if matches!(work, Work::Changes(_)) => {
                self.progress.parked.push_back(work);
                return Ok(());
            }
            Err(LogFault::Full) => {
                self.refuse_for_room(work);
                return Ok(());
            }
            Err(LogFault::Disk(fault)) => {
                batch.failed.push(work);
                return Err(fault);
            }
        };
        if position.segment != before {
            self.list(before, batch);
            self.ledger.begin(position.segment, self.keys.next());
            self.indexes.begin(position.segment);
            self.archive.save_index(before);
            self.look_at_space();
        }
        batch.entries += 1;
        batch.bytes += work.frame().len() as u64;
        if matches!(work, Work::Commit(_)) {
            batch.commit_bytes += work.frame().len() as u64;
        }
        batch.needs_flush |= work.needs_flush();
        self.take_in(work, position, batch);
        Ok(())
    }

    /// Sees to what needs no entry. The rest is given back.
    fn answer(&mut self, work: Work, batch: &mut Batch) -> Option<Work> {
        match work {
            Work::Commit(commit) => match self.first_of(&commit) {
                Some(first) => {
                    self.repeated(commit, first, batch);
                    None
                }
                None if commit.claim.as_ref().is_some_and(|claim| claim.confirm().is_err()) => {
                    self.conflicted(commit);
                    None
                }
                None => Some(Work::Commit(commit)),
            },
            Work::Mark(mark) => {
                batch.marks.add(mark, self.log.end());
                None
            }
            Work::Lookup(LookupWork { key, ticket }) => {
                // The first one may be in this batch, and is durable with it.
                batch.lookups.push((ticket, self.keys.find(key, self.passed())));
                None
            }
            Work::SetAside(places) => {
                places.into_iter().for_each(|place| self.archive.give(Job::SetAside(place)));
                None
            }
            Work::End(ticket) => {
                // The same.
                let _ = ticket.send(Place { position: self.log.end().pack(), part: 0 });
                None
            }
            Work::Settled(ticket) => {
                // With something parked, changes are decided that are not in the log.
                let _ = ticket.send(self.progress.parked.is_empty());
                None
            }
            Work::Spare(ticket) => {
                self.spare_all(ticket);
                None
            }
            Work::Again(again) if !again.items.iter().all(|(_, item)| self.has(item)) => {
                // Who no longer waits needs no answer.
                let _ = again.ticket.send(Err(QueueFault::Gone));
                None
            }
            work => Some(work),
        }
    }

    /// What follows from an entry that was added.
    fn take_in(&mut self, work: Work, position: Position, batch: &mut Batch) {
        match work {
            Work::Commit(commit) => self.add_commit(commit, position, batch),
            Work::Changes(ChangesWork { queue, changes, answer, .. }) => {
                for (change, part) in changes.into_iter().zip(0_u16..) {
                    let id = Place { position: position.pack(), part };
                    self.apply(queue, change, id, batch);
                }
                match answer {
                    Answer::HandOut { .. } => batch.handouts.push(answer),
                    answer => batch.answers.push(answer),
                }
            }
            Work::Again(AgainWork { items, ticket, .. }) => {
                for ((queue, item), part) in items.into_iter().zip(0_u16..) {
                    let id = Place { position: position.pack(), part };
                    self.came(queue, item.placed_again(id), batch);
                }
                batch.tickets.push(ticket);
            }
            Work::Names(names) => {
                self.log.rename(names.names);
                self.rooms = self.registry.rooms();
                batch.tickets.push(names.ticket);
            }
            Work::Mark(_)
            | Work::Lookup(_)
            | Work::End(_)
            | Work::Settled(_)
            | Work::Spare(_)
            | Work::SetAside(_) => {}
        }
    }

    fn add_commit(&mut self, commit: CommitWork, position: Position, batch: &mut Batch) {
        let now = self.passed();
        if let Some(claim) = commit.claim {
            claim.commit();
        }
        if let Some(key) = commit.key {
            self.keys.insert(key, commit.event, now);
            self.ledger.remembered(position.segment, self.keys.next());
            batch.unlisted_keys.push((key, commit.event));
        }
        for placed in &commit.placed {
            let id = Place { position: position.pack(), part: placed.part };
            let fresh = Item::fresh(id, commit.received_at, placed.weight);
            let item = Item { source: commit.source, terms: placed.terms, ..fresh };
            self.ledger.arrived(&item, placed.queue, now);
            self.ledger.came(&item);
            batch.arrive(placed.queue, item);
        }
        let (ticket, event, repeat) = (commit.ticket, commit.event, Repeat::First);
        batch.receipts.push(Post { ticket, event, repeat });
    }

    fn first_of(&self, commit: &CommitWork) -> Option<EventId> {
        self.keys.find(commit.key?, self.passed())
    }

    /// The event is stored already: its first receipt is given again.
    fn repeated(&mut self, commit: CommitWork, event: EventId, batch: &mut Batch) {
        self.release(&commit);
        self.counters.duplicates.increment();
        batch.receipts.push(Post { ticket: commit.ticket, event, repeat: Repeat::Duplicate });
    }

    /// What its filters had read is no longer so: they are asked again.
    fn conflicted(&self, commit: CommitWork) {
        self.release(&commit);
        let CommitWork { ticket, claim, .. } = commit;
        // First nobody sees its writes any more, then its filters run again.
        drop(claim);
        // Who no longer waits needs no answer.
        let _ = ticket.send(Err(Uncommitted::Conflict));
    }

    /// No room for this one; the store goes on.
    fn refuse_for_room(&mut self, work: Work) {
        // Whoever is refused and asks why is told: not only at the next look.
        self.look_at_space();
        if let Work::Commit(commit) = &work {
            self.release(commit);
        }
        work.refuse("the disk is full");
    }

    fn apply(&mut self, queue: QueueNumber, change: Change, id: Place, batch: &mut Batch) {
        let (item, moved) = match change {
            Change::Failed { .. } | Change::Returned(_) => return,
            Change::Acked(item) | Change::Lost(item) | Change::Dropped { item, .. } => (item, None),
            Change::DeadLettered { item, to, .. } => {
                (item, Some((to, item.dead_lettered(queue, id))))
            }
            Change::Redriven { item, to } => (item, Some((to, item.placed_again(id)))),
        };
        // It comes before it leaves: whoever asks whether anything is here, or may come back,
        // must never find nothing meanwhile.
        if let Some((to, moved)) = moved {
            self.came(to, moved, batch);
        }
        self.ledger.left(&item);
        self.gauges(queue, |gauges| gauges.release(item.weight));
        self.sources.release(item.source, item.weight);
        if let Some(origin) = item.origin {
            self.gauges(origin, |gauges| gauges.dead_left());
        }
    }

    /// An event came into a queue that no quota holds back.
    fn came(&mut self, queue: QueueNumber, item: Item, batch: &mut Batch) {
        self.ledger.arrived(&item, queue, self.passed());
        self.ledger.came(&item);
        self.keep_from_thinning(&item);
        self.gauges(queue, |gauges| gauges.add(item.weight));
        self.sources.add(item.source, item.weight);
        if let Some(origin) = item.origin {
            self.gauges(origin, |gauges| gauges.dead_came());
        }
        batch.arrive(queue, item);
    }

    /// Tells the index of a segment what came in it.
    pub(super) fn list(&self, segment: u32, batch: &mut Batch) {
        self.indexes.list(segment, &batch.unlisted, &batch.unlisted_keys);
        batch.unlisted.clear();
        batch.unlisted_keys.clear();
    }

    /// Answers those who wait only until their entry is written.
    pub(super) fn written(&mut self, batch: &mut Batch) {
        batch.handouts.drain(..).for_each(Answer::give);
    }

    /// The batch is durable: what was waiting for that is done.
    pub(super) fn durable(&mut self, batch: &mut Batch) {
        let mut woken = Vec::new();
        for (arrivals, room) in batch.arrivals.iter_mut().zip(&self.rooms) {
            if !arrivals.is_empty() {
                room.inbox.leave_quietly(arrivals);
                arrivals.clear();
                woken.push(room);
            }
        }
        // Who is told of a move finds what was moved.
        batch.answers.drain(..).for_each(Answer::give);
        for ticket in batch.tickets.drain(..) {
            // Who no longer waits needs no answer.
            let _ = ticket.send(Ok(()));
        }
        for (ticket, first) in batch.lookups.drain(..) {
            // The same.
            let _ = ticket.send(first);
        }
        if batch.receipts.len() > 1 {
            self.post.leave(&mut batch.receipts);
            batch.receipts.clear();
        }
        batch.receipts.drain(..).for_each(Post::deliver);
        // Last: whoever waits for a receipt has waited for a flush. An owner looks into its inbox
        // before it answers anything, so nobody who was told of an event misses it.
        woken.into_iter().for_each(|room| room.inbox.wake());
        (batch.entries, batch.bytes, batch.commit_bytes) = (0, 0, 0);
        batch.needs_flush = false;
    }

    /// Refuses all that waits.
    pub(super) fn refuse(&mut self, batch: &mut Batch, what: &'static str) {
        let fault = QueueFault::StoreUnavailable { what };
        for answer in batch.handouts.drain(..).chain(batch.answers.drain(..)) {
            answer.refuse(fault.clone());
        }
        batch.lookups.clear();
        let failed = batch.failed.drain(..).chain(self.progress.parked.drain(..));
        failed.for_each(|work| work.refuse(what));
        for ticket in batch.tickets.drain(..) {
            // Who no longer waits needs no answer.
            let _ = ticket.send(Err(fault.clone()));
        }
        for post in batch.receipts.drain(..) {
            // The same.
            let _ = post.ticket.send(Err(Refusal::StoreUnavailable { what }.into()));
        }
    }

    /// Whether what an item refers to is there, whoever else needs it or not.
    fn has(&self, item: &Item) -> bool {
        self.ledger.has_all(item.event.segment())
    }

    /// Gives back the room that a commit had reserved.
    fn release(&self, commit: &CommitWork) {
        for placed in &commit.placed {
            self.gauges(placed.queue, |gauges| gauges.release(placed.weight));
            self.sources.release(commit.source, placed.weight);
        }
    }
}
