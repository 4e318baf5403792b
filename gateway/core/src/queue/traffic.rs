//! What goes into the state machine of a queue, and what comes out of it.

use super::item::{Item, Place, QueueNumber};
use super::words::{Redriven, Settled, Verb};
use crate::letter::Letter;
use crate::seams::Ask;
use crate::time::Timestamp;

/// A lease by its number; numbers are never used twice while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseNumber(pub u64);

/// What happens to a queue.
#[derive(Debug)]
pub enum Input {
    /// Events came; they are durable.
    Arrived(Vec<Item>),
    /// A consumer asks for events.
    Ask {
        /// The caller's number for this question.
        ask: u64,
        /// What it asks for.
        terms: Ask,
    },
    /// A consumer went away before it had its answer.
    Withdrawn(u64),
    /// A consumer settles leases.
    Settle {
        /// The caller's number for this call.
        call: u64,
        /// Which lease, and what about it; `None` where the receipt is not one of this queue's.
        settlements: Vec<(Option<LeaseNumber>, Verb)>,
    },
    /// The events of these leases cannot be read back: they are gone.
    Lost(Vec<LeaseNumber>),
    /// Dead letters are wanted back where they came from.
    Redrive {
        /// The caller's number for this call.
        call: u64,
        /// At most so many.
        max: usize,
        /// Only those of this queue.
        origin: Option<QueueNumber>,
    },
    /// Time has passed.
    Due,
}

/// What the owner of the queue must do, in order.
#[derive(Debug)]
pub enum Effect {
    /// Write the attempts to the log, then hand out. Empty if the wait is over.
    HandOut {
        /// The question that this answers.
        ask: u64,
        /// What the consumer gets.
        leases: Vec<Lease>,
    },
    /// Make the changes durable, then answer.
    Settle {
        /// The call that this answers.
        call: u64,
        /// One answer for each settlement, in order.
        settled: Vec<Settled>,
        /// What changed.
        changes: Vec<Change>,
    },
    /// Make the changes durable, then answer.
    Redrive {
        /// The call that this answers.
        call: u64,
        /// The answer.
        redriven: Redriven,
        /// What changed.
        changes: Vec<Change>,
    },
    /// Make the changes durable; nobody waits for them.
    Record(Vec<Change>),
}

/// The right of one consumer to one event, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub number: LeaseNumber,
    /// The event; its attempts count this one.
    pub item: Item,
    /// When the right ends.
    pub until: Timestamp,
}

/// A change that must be durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The event is done with.
    Acked(Item),
    /// The event waits for its next attempt.
    Delayed {
        /// Which event.
        place: Place,
        /// Until when.
        until: Timestamp,
    },
    /// The event moves to the dead-letter queue.
    DeadLettered {
        /// The event.
        item: Item,
        /// The dead-letter queue.
        to: QueueNumber,
        /// Why.
        letter: Letter,
    },
    /// The dead letter moves back to the queue that had given it up.
    Redriven {
        /// The event.
        item: Item,
        /// The queue.
        to: QueueNumber,
    },
    /// The event is gone: its bytes in the log are damaged.
    Lost(Item),
}
