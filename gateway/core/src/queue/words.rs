//! What passes between a queue and those who consume from it.

use std::time::Duration;

use crate::event::Event;
use crate::letter::Letter;

/// The right to settle one delivery: opaque to consumers, checked by the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseReceipt(pub String);

/// One event, leased to a consumer.
#[derive(Debug, Clone)]
pub struct Consumed {
    /// The right to settle it.
    pub receipt: LeaseReceipt,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The event.
    pub event: Event,
    /// Why it is here, if this is a dead-letter queue.
    pub letter: Option<Letter>,
}

/// What a consumer says about one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which delivery.
    pub receipt: LeaseReceipt,
    /// What about it.
    pub verb: Verb,
}

/// The ways to settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// It is done with.
    Ack,
    /// It failed. It is tried again after `delay`, or by the queue's backoff; or it is
    /// dead-lettered if its attempts are used up.
    Nack {
        /// The wait before the next attempt; `None`: the queue's backoff decides.
        delay: Option<Duration>,
        /// Why, for a person to read.
        reason: String,
    },
    /// It can never succeed: to the dead-letter queue now.
    GiveUp {
        /// Why, for a person to read.
        reason: String,
    },
    /// Not done yet: the lease runs for `lease` from now.
    Extend {
        /// The new length.
        lease: Duration,
    },
}

/// What became of one settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It took effect, and is durable.
    Done,
    /// It had no effect.
    Refused(SettleFault),
}

/// Why a settlement had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettleFault {
    /// The receipt is not one of this queue's.
    #[error("receipt is not one of this queue's")]
    Unknown,
    /// The lease has run out, or the delivery was settled before.
    #[error("lease has run out or was settled before")]
    Stale,
}

impl SettleFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "receipt_unknown",
            Self::Stale => "receipt_stale",
        }
    }
}

/// Why a call to a queue failed as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueFault {
    /// There is no such queue.
    #[error("no queue has this name")]
    NoQueue,
    /// The store cannot make anything durable.
    #[error("store cannot commit: {what}")]
    StoreUnavailable {
        /// What happened, without paths.
        what: &'static str,
    },
    /// There are events in the queue, so that it cannot be removed.
    #[error("queue is not empty")]
    NotEmpty,
    /// The queue is under a legal hold, so that it cannot be removed.
    #[error("queue is under a legal hold")]
    Held,
    /// Another queue gives its events up to this one, so that it cannot be removed.
    #[error("queue is the dead-letter queue of {other}")]
    InUse {
        /// The other queue.
        other: String,
    },
    /// A queue is to give its events up to one that is not there.
    #[error("dead-letter queue {name} is not there")]
    NoDeadLetterQueue {
        /// The name that was given.
        name: String,
    },
    /// There can be no more queues in a data folder.
    #[error("data folder holds as many queues as it can")]
    TooManyQueues,
    /// One call is to place more events than fit in one entry of the log.
    #[error("at most {max} events can be placed in one call")]
    TooManyEvents {
        /// How many one call may place.
        max: usize,
    },
    /// An event of the past is no longer in the log.
    #[error("event is no longer in the log")]
    Gone,
    /// The gateway is stopping.
    #[error("gateway is stopping")]
    Stopping,
}

impl QueueFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoQueue => "queue_not_found",
            Self::StoreUnavailable { .. } => "store_unavailable",
            Self::NotEmpty => "queue_not_empty",
            Self::Held => "queue_held",
            Self::InUse { .. } => "queue_in_use",
            Self::NoDeadLetterQueue { .. } => "dead_letter_queue_not_found",
            Self::TooManyQueues => "queues_too_many",
            Self::TooManyEvents { .. } => "events_too_many",
            Self::Gone => "event_gone",
            Self::Stopping => "stopping",
        }
    }
}

/// Why an event was dropped, each a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// Its time to live was over.
    Expired,
    /// The queue was full, and drops its oldest.
    Overflow,
    /// An operator purged the queue.
    Purged,
}

impl DropCause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Expired, Self::Overflow, Self::Purged];

    /// A stable word for the API, metrics, logs and the log format.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Overflow => "overflow",
            Self::Purged => "purged",
        }
    }
}

/// The state of a queue, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Events not yet settled: `ready + leased + delayed + blocked`.
    pub depth: u64,
    /// Events that a consumer could receive now.
    pub ready: u64,
    /// Events that a consumer holds.
    pub leased: u64,
    /// Events that wait for their time, or for a next attempt.
    pub delayed: u64,
    /// Events that wait for another one with the same ordering key.
    pub blocked: u64,
    /// Events of this queue that lie in its dead-letter queue.
    pub dead: u64,
    /// Age of the oldest event that is not settled, since the gateway received it.
    pub oldest_age: Duration,
    /// Payload and header bytes of the events not yet settled, about.
    pub bytes: u64,
    /// Events ever placed in it, since the gateway started.
    pub enqueued: u64,
    /// Hand-outs to consumers, since the gateway started.
    pub handed_out: u64,
    /// Hand-outs of events that had been handed out before, since the gateway started.
    pub redelivered: u64,
    /// Events ever acknowledged, since the gateway started.
    pub acked: u64,
    /// Attempts that failed and were put back, since the gateway started.
    pub requeued: u64,
    /// Leases that ran out, since the gateway started.
    pub lease_expiries: u64,
    /// Events ever dead-lettered from it, since the gateway started.
    pub dead_lettered: u64,
    /// Dead letters ever moved back from it, since the gateway started.
    pub redriven: u64,
    /// Events dropped because their time to live was over, since the gateway started.
    pub expired: u64,
    /// Events dropped because the queue was full, since the gateway started.
    pub overflowed: u64,
    /// Events dropped by a purge, since the gateway started.
    pub purged: u64,
    /// Events whose bytes in the log were damaged, since the gateway started.
    pub lost: u64,
}

/// What a redrive moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redriven {
    /// Dead letters moved back to the queue that had given them up.
    pub moved: u64,
    /// Dead letters left where they are, because they never reached a queue.
    pub left: u64,
}
