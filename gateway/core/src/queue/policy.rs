//! How a queue treats its events.

use super::item::QueueNumber;
use crate::limits::HELD_MAX;
use crate::retry::RetryPolicy;

/// How a queue treats its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often and how patiently an event is tried.
    pub retry: RetryPolicy,
    /// What becomes of an event that is given up.
    pub dead_letters: DeadLetters,
    /// What becomes of an event whose time to live is over.
    pub on_expiry: OnExpiry,
    /// Whether events are handed out.
    pub delivery: Delivery,
    /// At most so many events are handed out in a second, with bursts of as many; `None`: as fast
    /// as consumers ask.
    pub delivery_rate: Option<u32>,
    /// While so many events are leased or wait for a next attempt, no other is handed out: a dead
    /// consumer must not pull a whole backlog into memory.
    pub held_max: usize,
    /// With more events or bytes than this, the oldest are dropped; `None`: whoever brings more
    /// is refused, before it gets here.
    pub drop_oldest: Option<Room>,
}

impl Policy {
    /// The default: every bound is that of the house, given-up events stay.
    pub const DEFAULT: Self = Self::new(RetryPolicy::DEFAULT, DeadLetters::Stay);

    /// Nothing but how events are tried, and what becomes of them when they are given up.
    #[must_use]
    pub const fn new(retry: RetryPolicy, dead_letters: DeadLetters) -> Self {
        Self {
            retry,
            dead_letters,
            on_expiry: OnExpiry::Drop,
            delivery: Delivery::Running,
            delivery_rate: None,
            held_max: HELD_MAX,
            drop_oldest: None,
        }
    }
}

/// What becomes of an event that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetters {
    /// It moves to this queue.
    MoveTo(QueueNumber),
    /// It stays, and is tried again after the longest wait: this is a dead-letter queue itself.
    Stay,
}

/// What becomes of an event whose time to live is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExpiry {
    /// It is gone; the log says so.
    Drop,
    /// It is given up: where dead letters go, it goes.
    DeadLetter,
}

/// Whether a queue hands out events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It does.
    Running,
    /// Nothing is handed out. Events still come, and what is leased can be settled.
    Paused,
}

/// How much a queue may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Events not yet settled.
    pub events_max: u64,
    /// Their bytes.
    pub bytes_max: u64,
}
