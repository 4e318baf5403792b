//! The owner task of a queue: `select` waits, `core::queue` decides, `perform` does.
//!
//! It never waits for the disk: what must be durable first is laid on the writer's desk together
//! with who is to be answered, and what must be read from an old segment is read by another thread.

use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::{
    Change, Effect, Input, Item, Lease, QueueFault, QueueState, Settled, Wish,
};
use sluicegate_core::time::Clock;
use tokio::sync::{mpsc, oneshot};

use super::mail::{Mail, Seen};
use crate::format::{changes, checkpoint};
use crate::listing::Listings;
use crate::rooms::Room;
use crate::writer::{Answer, Arrival, ChangesWork, Desk, Inbox, MarkWork, Work};

/// The owner of one queue.
pub(crate) struct Owner {
    pub(crate) room: Arc<Room>,
    pub(crate) state: QueueState,
    pub(crate) mailbox: mpsc::Receiver<Mail>,
    /// The way into the mailbox, for what comes back. Weak: the store holds the queue open.
    pub(crate) back: mpsc::WeakSender<Mail>,
    pub(crate) inbox: Arc<Inbox<Arrival>>,
    pub(crate) listings: Arc<Listings>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    /// Where jitter comes from; changes with every turn.
    pub(crate) random: u64,
    pub(crate) waiting: Waiting,
}

/// Who waits for an answer, by the number of the question.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    asks: HashMap<u64, oneshot::Sender<Result<Vec<Lease>, QueueFault>>>,
    settles: HashMap<u64, oneshot::Sender<Result<Vec<Settled>, QueueFault>>>,
    counts: HashMap<u64, oneshot::Sender<Result<u64, QueueFault>>>,
    /// Wishes that are being read on another thread.
    loads: tokio::task::JoinSet<Input>,
}

impl Owner {
    /// Serves the queue until the store is dropped.
    pub(crate) async fn run(mut self) {
        // A queue without its owner would take events and give none.
        let _guard = self.desk.fails_with("the owner of a queue panicked");
        loop {
            let due = self.state.next_due(self.clock.moment());
            tokio::select! {
                biased;
                mail = self.mailbox.recv() => match mail {
                    Some(mail) => self.answer(mail),
                    None => return,
                },
                () = self.inbox.came() => self.arrivals(),
                Some(loaded) = self.waiting.loads.join_next() => match loaded {
                    Ok(loaded) => self.turn(loaded),
                    // The wish would never be answered: the queue must not seem to be well.
                    Err(fault) if fault.is_panic() => resume_unwind(fault.into_panic()),
                    // The runtime ends.
                    Err(_) => return,
                },
                () = until(due) => self.turn(Input::Due),
            }
        }
    }

    /// What came before the question is seen by the answer: whoever holds a receipt finds the
    /// event.
    fn answer(&mut self, mail: Mail) {
        self.arrivals();
        if let Some(input) = self.open(mail) {
            self.turn(input);
        }
    }

    fn arrivals(&mut self) {
        let mut items = Vec::new();
        for arrival in self.inbox.take() {
            match arrival {
                Arrival::Item(item) => items.push(item),
                Arrival::Checkpoint => {
                    self.arrive(std::mem::take(&mut items));
                    self.mark();
                }
            }
        }
        self.arrive(items);
    }

    fn arrive(&mut self, items: Vec<Item>) {
        if !items.is_empty() {
            let sizes = &self.room.counters.arrival_bytes;
            items.iter().for_each(|item| sizes.observe(u64::from(item.weight)));
            self.turn(Input::Arrived(items));
        }
    }

    /// Lays the queue on the desk as it is, behind all its changes.
    fn mark(&self) {
        let frame = checkpoint::encode_snapshot(&self.state.snapshot(self.clock.moment()));
        self.desk.lay_changes(Work::Mark(MarkWork { queue: self.room.number, frame }));
    }

    fn turn(&mut self, input: Input) {
        // A consumer that went away must not be given anything.
        for ask in self.room.withdrawn.take() {
            if self.waiting.asks.remove(&ask).is_some() {
                self.handle(Input::Withdrawn(ask));
            }
        }
        // One that went away since its mail was opened must not begin to wait now.
        if let Input::Ask { ask, .. } = &input
            && !self.waiting.asks.contains_key(ask)
        {
            return;
        }
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            for effect in self.state.handle(input, self.clock.moment(), self.random) {
                inputs.extend(self.perform(effect));
            }
        }
    }

    /// Turns mail into an input; some of it is answered at once.
    fn open(&mut self, mail: Mail) -> Option<Input> {
        let number = self.waiting.next;
        self.waiting.next += 1;
        match mail {
            // It went away before anybody looked.
            Mail::Ask { to, .. } if to.0.is_closed() => None,
            Mail::Ask { ask, terms, to } => {
                self.waiting.asks.insert(ask, to.0);
                Some(Input::Ask { ask, terms })
            }
            Mail::Settle { settlements, to } => {
                self.waiting.settles.insert(number, to.0);
                Some(Input::Settle { call: number, settlements })
            }
            Mail::Redrive { items, to } => {
                self.waiting.counts.insert(number, to.0);
                Some(Input::Redrive { call: number, items })
            }
            Mail::Discard { items, to } => {
                self.waiting.counts.insert(number, to.0);
                Some(Input::Discard { call: number, items })
            }
            Mail::Purge { to } => {
                self.waiting.counts.insert(number, to.0);
                Some(Input::Purge { call: number })
            }
            Mail::Lost(leases) => Some(Input::Lost(leases)),
            Mail::Unread(leases) => Some(Input::Unread(leases)),
            Mail::Returned(leases) => Some(Input::Returned(leases)),
            Mail::Policy(policy) => Some(Input::Policy(policy)),
            Mail::View { after, held_max, to } => {
                let view = self.state.view(self.clock.moment(), after, held_max);
                let failures = view.held.iter().map(|(item, _)| self.state.failures_of(item.id));
                let failures = failures.map(<[_]>::to_vec).collect();
                // Who asked may have gone away.
                let _ = to.send(Seen { view, failures });
                None
            }
            Mail::Stats { to } => {
                // The same.
                let _ = to.send(self.state.stats(self.clock.moment()));
                None
            }
        }
    }

    /// Does what the machine says; what comes of it at once goes back into the machine.
    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::HandOut { ask, leases } => {
                let to = self.waiting.asks.remove(&ask)?;
                if leases.is_empty() {
                    // Nobody to tell if the consumer went away.
                    drop(to.send(Ok(leases)));
                    return None;
                }
                let at = self.clock.now();
                let frame = changes::encode_attempts(self.room.number, at, &leases);
                let back = self.back.clone();
                self.lay(frame, Vec::new(), Answer::HandOut { leases, to, back });
            }
            Effect::Settle { call, settled, changes } => {
                self.time_acks(&changes);
                let answer = match self.waiting.settles.remove(&call) {
                    Some(to) => Answer::Settled { settled, to },
                    None => Answer::Nobody,
                };
                self.record(changes, answer);
            }
            Effect::Counted { call, count, changes } => {
                let answer = match self.waiting.counts.remove(&call) {
                    Some(to) => Answer::Counted { count, to },
                    None => Answer::Nobody,
                };
                self.record(changes, answer);
            }
            Effect::Record(changes) => self.record(changes, Answer::Nobody),
            Effect::Load(wish) => return self.load(wish),
        }
        None
    }

    /// Counts how long it took to deliver what was acknowledged.
    fn time_acks(&self, changes: &[Change]) {
        let now = self.clock.now();
        for change in changes {
            if let Change::Acked(item) = change {
                let latency = now.since(item.received_at).as_millis();
                let latency = u64::try_from(latency).unwrap_or(u64::MAX);
                self.room.counters.latency_ms.observe(latency);
            }
        }
    }

    /// Reads what was listed lately on this thread: it lies in memory. The rest is read by a
    /// thread that may wait for the disk.
    fn load(&mut self, wish: Wish) -> Option<Input> {
        let (listings, queue) = (Arc::clone(&self.listings), self.room.number);
        let read = move || {
            let found = listings.load(queue, &wish);
            if let Err(fault) = &found {
                tracing::error!(error = %fault, segment = wish.segment, "index cannot be read");
            }
            Input::Loaded { wish, found: found.ok().map(|loaded| loaded.items) }
        };
        if self.listings.indexes.in_memory(wish.segment) {
            return Some(read());
        }
        self.waiting.loads.spawn_blocking(read);
        None
    }

    /// Lays changes on the desk, in entries of a bounded size; the last one carries the answer.
    fn record(&self, changes: Vec<Change>, answer: Answer) {
        let mut rest = changes.into_iter();
        loop {
            let some: Vec<Change> = rest.by_ref().take(CHANGES_PER_ENTRY).collect();
            if rest.len() == 0 {
                if some.is_empty() {
                    return answer.give();
                }
                return self.lay_changes(some, answer);
            }
            self.lay_changes(some, Answer::Nobody);
        }
    }

    fn lay_changes(&self, changes: Vec<Change>, answer: Answer) {
        let (number, name, at) = (self.room.number, self.room.name(), self.clock.now());
        let frame = changes::encode(number, &name, at, &changes);
        self.lay(frame, changes, answer);
    }

    fn lay(&self, frame: Vec<u8>, changes: Vec<Change>, answer: Answer) {
        let queue = self.room.number;
        self.desk.lay_changes(Work::Changes(ChangesWork { frame, queue, changes, answer }));
    }
}

async fn until(due: Option<Duration>) {
    match due {
        // Timers are no finer than a millisecond; a turn that is due now lets others go first.
        Some(Duration::ZERO) => tokio::task::yield_now().await,
        Some(due) => tokio::time::sleep(due.clamp(Duration::from_millis(1), SLEEP_MAX)).await,
        None => std::future::pending().await,
    }
}

/// Letters are bounded, so that an entry of so many changes is a few megabytes at most.
const CHANGES_PER_ENTRY: usize = 1000;
const _: () = assert!(CHANGES_PER_ENTRY <= changes::CHANGES_MAX);

/// The wall clock may be set while the owner sleeps: it looks again after this time.
const SLEEP_MAX: Duration = Duration::from_secs(10);
