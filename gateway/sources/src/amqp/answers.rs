//! The table: what each refusal is on the wire of AMQP. There is no second one.

use std::time::Duration;

use sluicegate_core::decision::RejectCode;
use sluicegate_core::refusal::Refusal;

/// What becomes of a message that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is refused for good: rejected, without requeueing.
    Reject,
    /// It is tried again after a while, and others may pass it: they may go to other queues, by
    /// other plugins, with other schemas.
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
        | Refusal::Invalid { .. } => Fate::Reject,
        Refusal::Rejected(rejection) => match rejection.code {
            RejectCode::Invalid
            | RejectCode::Unauthenticated
            | RejectCode::Forbidden
            | RejectCode::TooLarge => Fate::Reject,
            RejectCode::RateLimited | RejectCode::Unavailable => Fate::PutOff(None),
        },
        // What proves this sender cannot be had: others have other keys, or none. A schema that is
        // missing is the operator's to register, and no fault of the message.
        Refusal::Deferred { .. }
        | Refusal::ProofUnavailable { .. }
        | Refusal::QueueFull { .. }
        | Refusal::QueueOverRate { .. }
        | Refusal::PluginPaused { .. }
        | Refusal::NoSchema { .. } => Fate::PutOff(after),
        Refusal::RateLimited { .. }
        | Refusal::Overloaded { .. }
        | Refusal::SourceFull { .. }
        | Refusal::StoreUnavailable { .. } => Fate::Hold(after),
        Refusal::Stopping => Fate::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(7);

    #[test]
    fn what_concerns_one_route_puts_one_message_off_and_what_concerns_all_holds_all() {
        let (queue, retry_after) = ("q".to_owned(), LATER);
        let (plugin, subject) = ("p".parse().unwrap(), "s".to_owned());
        let source_name = "s".to_owned();
        for (refusal, expected) in [
            (Refusal::QueueFull { queue: queue.clone(), retry_after }, Fate::PutOff(Some(LATER))),
            (Refusal::QueueOverRate { queue, retry_after }, Fate::PutOff(Some(LATER))),
            (Refusal::PluginPaused { plugin, retry_after }, Fate::PutOff(Some(LATER))),
            (Refusal::NoSchema { subject }, Fate::PutOff(None)),
            (Refusal::RateLimited { retry_after }, Fate::Hold(Some(LATER))),
            (Refusal::SourceFull { source_name, retry_after }, Fate::Hold(Some(LATER))),
            (Refusal::Overloaded { what: "w", retry_after }, Fate::Hold(Some(LATER))),
            (Refusal::Stopping, Fate::Leave),
            (Refusal::HeadersTooLarge, Fate::Reject),
        ] {
            assert_eq!(fate(&refusal), expected, "{refusal}");
        }
        assert!(matches!(fate(&Refusal::StoreUnavailable { what: "w" }), Fate::Hold(Some(_))));
    }
}
