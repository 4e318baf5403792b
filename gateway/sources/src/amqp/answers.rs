//! The table: what each refusal is on the wire of AMQP. There is no second one.

use std::time::Duration;

use sluicegate_core::decision::RejectCode;
use sluicegate_core::refusal::Refusal;

/// What becomes of a message that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is refused for good: rejected, without requeueing.
    Reject,
    /// It is tried again after a while, and others may pass it.
    PutOff(Option<Duration>),
    /// It is tried again, and nothing else of its queue until then: the gateway takes no more now.
    Hold(Option<Duration>),
    /// It is left to the broker, which gives it to the next one.
    Leave,
}

/// What becomes of a message that was refused like this.
pub(super) fn fate(refusal: &Refusal) -> Fate {
    let after = refusal.retry_after();
    match refusal {
        Refusal::Malformed { .. }
        | Refusal::NotCloudEvent { .. }
        | Refusal::NoSource
        | Refusal::WrongMethod
        | Refusal::TooSlow
        | Refusal::TooLarge { .. }
        | Refusal::BatchTooLarge { .. }
        | Refusal::HeadersTooLarge
        | Refusal::WrongMediaType { .. }
        | Refusal::Unverified(_)
        | Refusal::HandshakeRefused
        | Refusal::Invalid { .. }
        | Refusal::NoSchema { .. } => Fate::Reject,
        Refusal::Rejected(rejection) => match rejection.code {
            RejectCode::Invalid
            | RejectCode::Unauthenticated
            | RejectCode::Forbidden
            | RejectCode::TooLarge => Fate::Reject,
            RejectCode::RateLimited | RejectCode::Unavailable => Fate::PutOff(None),
        },
        // What proves this sender cannot be had: others have other keys, or none.
        Refusal::Deferred { .. } | Refusal::ProofUnavailable { .. } => Fate::PutOff(after),
        Refusal::RateLimited { .. }
        | Refusal::Overloaded { .. }
        | Refusal::QueueFull { .. }
        | Refusal::QueueOverRate { .. }
        | Refusal::SourceFull { .. }
        | Refusal::PluginPaused { .. }
        | Refusal::StoreUnavailable { .. } => Fate::Hold(after),
        Refusal::Stopping => Fate::Leave,
    }
}
