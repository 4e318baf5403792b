//! What goes into the state machine of a queue, and what comes out of it.

use super::item::{Item, Place, Priority, QueueNumber};
use super::policy::Policy;
use super::words::{DropCause, Settled, Verb};
use crate::letter::Letter;
use crate::seams::Ask;
use crate::time::Timestamp;

/// A lease by its number; numbers are never used twice while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseNumber(pub u64);

/// What happens to a queue.
#[derive(Debug)]
pub enum Input {
    /// Events came; they are durable. Their ids are greater than all that came before.
    Arrived(Vec<Item>),
    /// What a [`Effect::Load`] asked for.
    Loaded {
        /// The question, as it was asked.
        wish: Wish,
        /// The arrivals that were found, in the order of their ids; `None` if they could not be
        /// read now.
        found: Option<Vec<Item>>,
    },
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
    /// These events never reached the consumer that they were handed out to: they are ready
    /// again, and the attempt does not count.
    Returned(Vec<LeaseNumber>),
    /// The events of these leases are damaged in the log: they are gone.
    Lost(Vec<LeaseNumber>),
    /// The events of these leases cannot be read back now, for these reasons: they wait as after a
    /// failed attempt, and stay however often that happens.
    Unread(Vec<(LeaseNumber, String)>),
    /// These dead letters are wanted back where they came from. Those that are leased, gone, or
    /// never were in a queue stay.
    Redrive {
        /// The caller's number for this call.
        call: u64,
        /// The dead letters, as this queue showed them.
        items: Vec<Item>,
    },
    /// These events are done with, though no consumer had them: an operator saw to them in another
    /// way. Those that are leased or gone stay as they are.
    Discard {
        /// The caller's number for this call.
        call: u64,
        /// The events, as this queue showed them.
        items: Vec<Item>,
    },
    /// All events that are here now and not leased are to be dropped, some in every turn.
    Purge {
        /// The caller's number for this call; answered when all are gone.
        call: u64,
    },
    /// Events are treated in another way from now on.
    Policy(Policy),
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
    /// Make the changes durable, then answer with a count: a redrive's, a discard's or a purge's.
    Counted {
        /// The call that this answers.
        call: u64,
        /// How many events were moved or dropped.
        count: u64,
        /// What changed.
        changes: Vec<Change>,
    },
    /// Make the changes durable; nobody waits for them.
    Record(Vec<Change>),
    /// Read arrivals back, and say so with [`Input::Loaded`]. There is one at a time for a lane.
    Load(Wish),
}

/// Arrivals that are wanted: those with this priority in one segment, after one place and up to
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Of this priority.
    pub priority: Priority,
    /// In this segment.
    pub segment: u32,
    /// After this place.
    pub after: Place,
    /// Up to this place and with it: what is later did not come yet.
    pub up_to: Place,
    /// About so many; more are welcome if they lie together.
    pub count: usize,
}

/// The right of one consumer to one event, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub number: LeaseNumber,
    /// The event; its attempts count this one.
    pub item: Item,
    /// When the right ends, by the steady clock.
    pub until: Timestamp,
}

/// A change that must be durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The event is done with.
    Acked(Item),
    /// An attempt failed. The event waits for its next one.
    Failed {
        /// The event.
        item: Item,
        /// Until when it waits, by the wall clock; now, if it does not.
        until: Timestamp,
        /// What happened, for a person to read.
        why: String,
    },
    /// A hand-out never reached its consumer. The item's attempts no longer count it.
    Returned(Item),
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
    /// The event is dropped, not delivered.
    Dropped {
        /// The event.
        item: Item,
        /// Why.
        why: DropCause,
    },
    /// The event is gone: its bytes in the log are damaged.
    Lost(Item),
}

/// What the log says of an event that lies in a queue, when a queue is rebuilt from it.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// It was handed out for this attempt. The lease is void: it is ready.
    Attempted(u32),
    /// An attempt failed, at about `at`; it waits until then, by the wall clock.
    Failed {
        /// When the attempt failed, by the wall clock.
        at: Timestamp,
        /// Until when it waits.
        until: Timestamp,
        /// What happened.
        why: String,
    },
    /// The last hand-out did not reach its consumer.
    Returned,
    /// It left the queue.
    Left,
}
