//! The letter: why an event is in a dead-letter queue. It travels with the event.

use std::fmt;
use std::sync::Arc;

use crate::ids::{Digest, PluginName, QueueName, RouteName};
use crate::limits::bounded_reason;
use crate::time::Timestamp;

/// Why an event was dead-lettered, by whom, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The kind of cause.
    pub cause: Cause,
    /// What happened, for a person to read; bounded by `REASON_BYTES_MAX`.
    pub reason: String,
    /// The queue that gave the event up; `None` if it never reached one.
    pub origin: Option<QueueName>,
    /// The route on which it was, where the cause is a filter.
    pub route: Option<RouteName>,
    /// The plugin and the digest of its bytes, where the cause is a filter.
    pub plugin: Option<(PluginName, Digest)>,
    /// Delivery attempts made before it was given up.
    pub attempts: u32,
    /// The last of those that failed, oldest first; at most `FAILURES_MAX`.
    pub failures: Vec<Failure>,
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// What happened, for a person to read; bounded by `REASON_BYTES_MAX`.
    pub why: Arc<str>,
}

/// The kinds of cause, each a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Every allowed attempt to deliver failed, or a lease ran out for the last time.
    AttemptsExhausted,
    /// The receiver will never take it (HTTP 410, or a consumer's final no).
    GivenUp,
    /// A filter decided so.
    Decided,
    /// A filter trapped.
    Trap,
    /// A filter overran its deadline.
    Deadline,
    /// A filter reached its memory cap.
    Memory,
    /// A filter's answer broke the contract: an unknown queue, too many outputs.
    BadDecision,
    /// A filter answered that it failed.
    Failed,
    /// A filter had failed too often, and was not asked.
    CircuitOpen,
    /// A payload broke its schema, on a source that dead-letters those.
    Violation,
    /// No route takes the event.
    Unrouted,
    /// Its time to live was over before it was delivered.
    Expired,
}

impl Letter {
    /// A letter of this cause; the reason is cut to its bound.
    #[must_use]
    pub fn new(cause: Cause, reason: impl Into<String>) -> Self {
        Self {
            cause,
            reason: bounded_reason(reason.into()),
            origin: None,
            route: None,
            plugin: None,
            attempts: 0,
            failures: Vec::new(),
        }
    }
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 12] = [
        Self::AttemptsExhausted,
        Self::GivenUp,
        Self::Decided,
        Self::Trap,
        Self::Deadline,
        Self::Memory,
        Self::BadDecision,
        Self::Failed,
        Self::CircuitOpen,
        Self::Violation,
        Self::Unrouted,
        Self::Expired,
    ];

    /// A stable word for the API, metrics, logs and the log format.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::GivenUp => "given_up",
            Self::Decided => "filter_decided",
            Self::Trap => "filter_trap",
            Self::Deadline => "filter_deadline",
            Self::Memory => "filter_memory",
            Self::BadDecision => "filter_bad_decision",
            Self::Failed => "filter_failed",
            Self::CircuitOpen => "filter_circuit_open",
            Self::Violation => "schema_violation",
            Self::Unrouted => "unrouted",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause.code(), self.reason)
    }
}
