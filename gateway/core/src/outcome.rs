//! The outcome of one attempt to hand over an event.

use std::time::Duration;

/// What became of one attempt to deliver one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Done,
    /// Not now: try again, after `after` if the receiver said when, else by the queue's backoff.
    Retry {
        /// What the receiver asked for (HTTP `Retry-After`).
        after: Option<Duration>,
        /// What happened, for a person to read.
        why: String,
    },
    /// Never: to the dead-letter queue.
    GiveUp {
        /// What happened, for a person to read.
        why: String,
    },
}

impl Outcome {
    /// A stable word for metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry { .. } => "retry",
            Self::GiveUp { .. } => "give_up",
        }
    }
}
