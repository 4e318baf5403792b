//! The owner task of a queue: `select` waits, `core::queue` decides, `perform` does.
//!
//! It never waits for the disk: what must be durable first is laid on the writer's desk together
//! with who is to be answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{
    Change, Effect, Input, Item, Lease, LeaseNumber, QueueFault, QueueNumber, QueueState,
    QueueStats, Redriven, Settled, Verb,
};
use sluicegate_core::seams::Ask;
use sluicegate_core::time::Clock;
use tokio::sync::{mpsc, oneshot};

use crate::format::changes;
use crate::writer::{Answer, ChangesWork, Desk, Inbox, Work};

/// What is asked of the owner.
#[derive(Debug)]
pub(crate) enum Mail {
    Ask { terms: Ask, to: Reply<Vec<Lease>> },
    Settle { settlements: Vec<(Option<LeaseNumber>, Verb)>, to: Reply<Vec<Settled>> },
    Lost(Vec<LeaseNumber>),
    Redrive { max: usize, origin: Option<QueueNumber>, to: Reply<Redriven> },
    Stats { to: oneshot::Sender<QueueStats> },
}

/// Where an answer goes.
pub(crate) struct Reply<T>(pub(crate) oneshot::Sender<Result<T, QueueFault>>);

/// The owner of one queue.
pub(crate) struct Owner {
    pub(crate) number: QueueNumber,
    pub(crate) name: QueueName,
    pub(crate) state: QueueState,
    pub(crate) mailbox: mpsc::Receiver<Mail>,
    pub(crate) inbox: Arc<Inbox<Item>>,
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
    redrives: HashMap<u64, oneshot::Sender<Result<Redriven, QueueFault>>>,
}

impl Owner {
    /// Serves the queue until the store is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                mail = self.mailbox.recv() => match mail {
                    Some(mail) => self.answer(mail),
                    None => return,
                },
                () = self.inbox.came() => self.arrivals(),
                () = until(&self.clock, self.state.next_due()) => self.turn(Input::Due),
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
        let items = self.inbox.take();
        if !items.is_empty() {
            self.turn(Input::Arrived(items));
        }
    }

    fn turn(&mut self, input: Input) {
        // A consumer that went away must not be given anything.
        let gone = self.waiting.asks.extract_if(|_, to| to.is_closed());
        for (ask, _) in gone.collect::<Vec<_>>() {
            self.handle(Input::Withdrawn(ask));
        }
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        for effect in self.state.handle(input, self.clock.now(), self.random) {
            self.perform(effect);
        }
    }

    /// Turns mail into an input; some of it is answered at once.
    fn open(&mut self, mail: Mail) -> Option<Input> {
        let number = self.waiting.next;
        self.waiting.next += 1;
        match mail {
            Mail::Ask { terms, to } => {
                self.waiting.asks.insert(number, to.0);
                Some(Input::Ask { ask: number, terms })
            }
            Mail::Settle { settlements, to } => {
                self.waiting.settles.insert(number, to.0);
                Some(Input::Settle { call: number, settlements })
            }
            Mail::Redrive { max, origin, to } => {
                self.waiting.redrives.insert(number, to.0);
                Some(Input::Redrive { call: number, max, origin })
            }
            Mail::Lost(leases) => Some(Input::Lost(leases)),
            Mail::Stats { to } => {
                // Who asked may have gone away.
                let _ = to.send(self.state.stats(self.clock.now()));
                None
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::HandOut { ask, leases } => {
                let Some(to) = self.waiting.asks.remove(&ask) else { return };
                if leases.is_empty() {
                    // Nobody to tell if the consumer went away.
                    drop(to.send(Ok(leases)));
                    return;
                }
                let frame = changes::encode_attempts(self.number, &leases);
                self.lay(frame, Vec::new(), Answer::HandOut { leases, to });
            }
            Effect::Settle { call, settled, changes } => {
                let Some(to) = self.waiting.settles.remove(&call) else { return };
                self.record(changes, Answer::Settled { settled, to });
            }
            Effect::Redrive { call, redriven, changes } => {
                let Some(to) = self.waiting.redrives.remove(&call) else { return };
                self.record(changes, Answer::Redriven { redriven, to });
            }
            Effect::Record(changes) => self.record(changes, Answer::Nobody),
        }
    }

    /// Lays changes on the desk, in entries of a bounded size; the last one carries the answer.
    fn record(&self, mut changes: Vec<Change>, answer: Answer) {
        while changes.len() > CHANGES_PER_ENTRY {
            let rest = changes.split_off(CHANGES_PER_ENTRY);
            self.record(changes, Answer::Nobody);
            changes = rest;
        }
        if changes.is_empty() {
            return answer.give();
        }
        let frame = changes::encode(self.number, &self.name, &changes);
        self.lay(frame, changes, answer);
    }

    fn lay(&self, frame: Vec<u8>, changes: Vec<Change>, answer: Answer) {
        let queue = self.number;
        self.desk.lay_changes(Work::Changes(ChangesWork { frame, queue, changes, answer }));
    }
}

async fn until(clock: &Clock, due: Option<sluicegate_core::time::Timestamp>) {
    match due {
        // At least a millisecond: timers are no finer, and a turn must not find nothing due.
        Some(due) => {
            let wait = due.since(clock.now()).max(Duration::from_millis(1));
            tokio::time::sleep(wait.min(SLEEP_MAX)).await;
        }
        None => std::future::pending().await,
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

/// Letters are bounded, so that an entry of so many changes is a few megabytes at most.
const CHANGES_PER_ENTRY: usize = 1000;
const _: () = assert!(CHANGES_PER_ENTRY <= changes::CHANGES_MAX);

/// A wall clock may be set while the owner sleeps: it looks again after this time.
const SLEEP_MAX: Duration = Duration::from_secs(10);
