//! The refusal: the answer to a sender whose delivery was not taken. Nothing was stored.
//!
//! A closed list. Each protocol maps it to its wire in one table; each code has a page in
//! `gateway/docs/ERRORS.md`, which the `tidy` test keeps complete.

use std::time::Duration;

use crate::decision::{RejectCode, Rejection};
use crate::ids::PluginName;
use crate::signature::SignatureFault;

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request broke its protocol.
    #[error("request is malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The source takes CloudEvents, and this is none.
    #[error("it is not a CloudEvent: {what}")]
    NotCloudEvent {
        /// What is wrong with it.
        what: String,
    },
    /// No source is configured there.
    #[error("no source is configured at this path")]
    NoSource,
    /// The source takes another method.
    #[error("method is not allowed here")]
    WrongMethod,
    /// The request was not complete in time.
    #[error("request was not complete in time")]
    TooSlow,
    /// The payload is over the source's limit.
    #[error("payload is over the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The headers are over the limit.
    #[error("headers are over the limit")]
    HeadersTooLarge,
    /// The source takes other media types, or the body is encoded (compressed) and it takes none.
    #[error("media type is not accepted: {what}")]
    WrongMediaType {
        /// What was not accepted.
        what: String,
    },
    /// The sender is not proven. The fault is for the operator only.
    #[error("signature was refused: {0}")]
    Unverified(SignatureFault),
    /// A handshake does not name the token that the source's configuration has.
    #[error("handshake does not name the source's token")]
    HandshakeRefused,
    /// What the sender is proven by lies elsewhere, and cannot be had now. Why is in the log only:
    /// a stranger may have chosen where it lies.
    #[error("what the sender is proven by cannot be fetched now")]
    ProofUnavailable {
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// The payload breaks its schema, or is not what its schema needs it to be.
    #[error("payload is invalid: {} violation(s)", violations.len())]
    Invalid {
        /// At most `VIOLATIONS_MAX`.
        violations: Vec<Violation>,
    },
    /// The source wants a schema for every type, and there is none for this one.
    #[error("no schema is registered for subject {subject}")]
    NoSchema {
        /// The subject that was looked for.
        subject: String,
    },
    /// A filter said no.
    #[error("refused by a filter: {}", .0.reason)]
    Rejected(Rejection),
    /// The sender is faster than its source allows.
    #[error("source is over its rate")]
    RateLimited {
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// A batch has more events than its source takes at once, however long its sender waits.
    #[error("batch has {events} events, and its source takes {events_max} at once")]
    BatchTooLarge {
        /// As many as it has.
        events: usize,
        /// The burst of the source.
        events_max: usize,
    },
    /// A bound inside the gateway is reached: commits in flight, filter work, connections.
    #[error("gateway is at capacity: {what}")]
    Overloaded {
        /// Which bound.
        what: &'static str,
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// A queue of the event is at its quota.
    #[error("queue {queue} is full")]
    QueueFull {
        /// The queue.
        queue: String,
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// More events come into a queue than it takes in a second.
    #[error("queue {queue} is over its rate")]
    QueueOverRate {
        /// The queue.
        queue: String,
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// The source has its share of the queues.
    #[error("source {source_name} has its share of the queues")]
    SourceFull {
        /// The source.
        source_name: String,
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// A filter asks for another try later.
    #[error("a filter asks to try again later")]
    Deferred {
        /// After what time.
        retry_after: Duration,
    },
    /// A plugin failed, and its failure policy is to wait for an operator.
    #[error("plugin {plugin} is paused")]
    PluginPaused {
        /// The plugin.
        plugin: PluginName,
        /// When a next try may succeed.
        retry_after: Duration,
    },
    /// The store cannot make anything durable: a flush failed, or the disk is full.
    #[error("store cannot commit: {what}")]
    StoreUnavailable {
        /// What happened, without paths.
        what: &'static str,
    },
    /// The gateway is stopping.
    #[error("gateway is stopping")]
    Stopping,
}

/// One way in which a payload breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the place in the payload.
    pub instance: String,
    /// JSON Pointer to the keyword in the schema.
    pub schema: String,
    /// The keyword: `required`, `type`, or `json` if the payload is not JSON.
    pub keyword: String,
    /// What is wrong, without the value.
    pub message: String,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The sender must change something.
    Sender,
    /// The operator must change something.
    Operator,
    /// The gateway is at a bound or is broken; the same delivery may succeed later.
    Gateway,
}

impl Refusal {
    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Malformed { .. }
            | Self::NotCloudEvent { .. }
            | Self::NoSource
            | Self::WrongMethod
            | Self::TooSlow
            | Self::TooLarge { .. }
            | Self::HeadersTooLarge
            | Self::WrongMediaType { .. }
            | Self::Unverified(_)
            | Self::HandshakeRefused
            | Self::Invalid { .. }
            | Self::Rejected(_)
            | Self::RateLimited { .. }
            | Self::BatchTooLarge { .. } => Blame::Sender,
            Self::NoSchema { .. }
            | Self::QueueFull { .. }
            | Self::QueueOverRate { .. }
            | Self::SourceFull { .. }
            | Self::Deferred { .. }
            | Self::PluginPaused { .. } => Blame::Operator,
            Self::Overloaded { .. }
            | Self::ProofUnavailable { .. }
            | Self::StoreUnavailable { .. }
            | Self::Stopping => Blame::Gateway,
        }
    }

    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "request_malformed",
            Self::NotCloudEvent { .. } => "cloudevent_invalid",
            Self::NoSource => "source_not_found",
            Self::WrongMethod => "method_not_allowed",
            Self::TooSlow => "request_timeout",
            Self::TooLarge { .. } => "payload_too_large",
            Self::HeadersTooLarge => "headers_too_large",
            Self::WrongMediaType { .. } => "media_type_unsupported",
            Self::Unverified(_) => "signature_refused",
            Self::HandshakeRefused => "handshake_refused",
            Self::ProofUnavailable { .. } => "proof_unavailable",
            Self::Invalid { .. } => "payload_invalid",
            Self::NoSchema { .. } => "schema_unknown",
            Self::Rejected(rejection) => match rejection.code {
                RejectCode::Invalid => "filter_rejected_invalid",
                RejectCode::Unauthenticated => "filter_rejected_unauthenticated",
                RejectCode::Forbidden => "filter_rejected_forbidden",
                RejectCode::TooLarge => "filter_rejected_too_large",
                RejectCode::RateLimited => "filter_rejected_rate_limited",
                RejectCode::Unavailable => "filter_rejected_unavailable",
            },
            Self::RateLimited { .. } => "rate_limited",
            Self::BatchTooLarge { .. } => "batch_too_large",
            Self::Overloaded { .. } => "overloaded",
            Self::QueueFull { .. } => "queue_full",
            Self::QueueOverRate { .. } => "queue_over_rate",
            Self::SourceFull { .. } => "source_full",
            Self::Deferred { .. } => "filter_deferred",
            Self::PluginPaused { .. } => "plugin_paused",
            Self::StoreUnavailable { .. } => "store_unavailable",
            Self::Stopping => "stopping",
        }
    }

    /// When a next try may succeed, where there is a good answer.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after }
            | Self::Overloaded { retry_after, .. }
            | Self::ProofUnavailable { retry_after, .. }
            | Self::QueueFull { retry_after, .. }
            | Self::QueueOverRate { retry_after, .. }
            | Self::SourceFull { retry_after, .. }
            | Self::Deferred { retry_after }
            | Self::PluginPaused { retry_after, .. } => Some(*retry_after),
            Self::StoreUnavailable { .. } => Some(STORE_RETRY_AFTER),
            _ => None,
        }
    }
}

/// A full disk is looked at about so often, and a restart takes about so long.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(5);

/// What is full, in [`Refusal::Overloaded`], when what a source wants to be remembered with an
/// event has no room. Its source may send the event again and ask for less.
pub const STATE_OF_SOURCE: &str = "state of the source";
