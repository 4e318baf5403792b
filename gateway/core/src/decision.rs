//! What a filter says about an event: the decision of `sdk/wit/plugin.wit`, as the host has it.

use std::time::Duration;

use bytes::Bytes;

use crate::fields::Fields;
use crate::ids::QueueName;

/// The decision of one filter about one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// No opinion: the next filter, or the route's queues.
    Next,
    /// Accept and discard; the reason is logged.
    Drop(String),
    /// Unchanged, to these queues.
    Route(Vec<QueueName>),
    /// Transform (one output), split or fan out (many).
    Emit(Vec<Output>),
    /// Tell the producer no.
    Reject(Rejection),
    /// To the dead-letter queue.
    DeadLetter(String),
}

impl Decision {
    /// A stable word for metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Drop(_) => "drop",
            Self::Route(_) => "route",
            Self::Emit(_) => "emit",
            Self::Reject(_) => "reject",
            Self::DeadLetter(_) => "dead_letter",
        }
    }
}

/// A new event as a patch of the input: what is not set is inherited.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// Where to; empty: continue down the route.
    pub queues: Vec<QueueName>,
    /// A new CloudEvents type.
    pub kind: Option<String>,
    /// A new media type.
    pub content_type: Option<String>,
    /// Attributes to set.
    pub set_attributes: Fields,
    /// Headers to set.
    pub set_headers: Fields,
    /// Attribute or header names to remove.
    pub remove: Vec<String>,
    /// A new payload.
    pub payload: Option<Bytes>,
}

/// A filter's no to the producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What kind of no.
    pub code: RejectCode,
    /// Why, for the producer to read.
    pub reason: String,
}

/// The kinds of no that a filter may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectCode {
    /// The event is wrong.
    Invalid,
    /// The sender is not who it says.
    Unauthenticated,
    /// The sender may not do this.
    Forbidden,
    /// The event is too large.
    TooLarge,
    /// The sender is too fast.
    RateLimited,
    /// Not now.
    Unavailable,
}

/// What a filter answers when it cannot decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The sender is told to come back after this time.
    RetryAfter(Duration),
    /// The filter's failure policy applies.
    Failed(String),
}
