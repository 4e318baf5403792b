//! How a queue treats its events.

use super::item::QueueNumber;
use crate::retry::RetryPolicy;

/// How a queue treats its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often and how patiently an event is tried.
    pub retry: RetryPolicy,
    /// What becomes of an event that is given up.
    pub dead_letters: DeadLetters,
}

/// What becomes of an event that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetters {
    /// It moves to this queue.
    MoveTo(QueueNumber),
    /// It stays, and is tried again after the longest wait: this is a dead-letter queue itself.
    Stay,
}
