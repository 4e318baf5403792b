//! The table: what each refusal is on the wire of HTTP. There is no second one.

use sluicegate_core::decision::RejectCode;
use sluicegate_core::refusal::Refusal;

/// The status of a refusal, and the title of its problem body.
pub(crate) fn status_and_title(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::Malformed { .. } => (400, "Malformed request"),
        Refusal::NotCloudEvent { .. } => (400, "Not a CloudEvent"),
        Refusal::Unverified(_) => (401, "Signature refused"),
        Refusal::NoSource => (404, "No such source"),
        Refusal::WrongMethod => (405, "Method not allowed"),
        Refusal::TooSlow => (408, "Request not complete in time"),
        Refusal::TooLarge { .. } => (413, "Payload too large"),
        Refusal::BatchTooLarge { .. } => (413, "Batch too large"),
        Refusal::WrongMediaType { .. } => (415, "Media type not accepted"),
        Refusal::Invalid { .. } => (422, "Payload invalid"),
        Refusal::NoSchema { .. } => (422, "No schema for this event"),
        Refusal::RateLimited { .. } => (429, "Too many requests"),
        Refusal::HeadersTooLarge => (431, "Headers too large"),
        Refusal::HandshakeRefused => (403, "Handshake refused"),
        Refusal::ProofUnavailable { .. } => (503, "Proof cannot be fetched"),
        Refusal::Overloaded { .. } => (503, "At capacity"),
        Refusal::QueueFull { .. } => (503, "Queue full"),
        Refusal::QueueOverRate { .. } => (429, "Queue over its rate"),
        Refusal::SourceFull { .. } => (429, "Source has its share"),
        Refusal::Deferred { .. } => (503, "Deferred by a filter"),
        Refusal::PluginPaused { .. } => (503, "Plugin paused"),
        Refusal::StoreUnavailable { .. } => (503, "Store unavailable"),
        Refusal::Stopping => (503, "Stopping"),
        Refusal::Rejected(rejection) => match rejection.code {
            RejectCode::Invalid => (422, "Refused by a filter"),
            RejectCode::Unauthenticated => (401, "Refused by a filter"),
            RejectCode::Forbidden => (403, "Refused by a filter"),
            RejectCode::TooLarge => (413, "Refused by a filter"),
            RejectCode::RateLimited => (429, "Refused by a filter"),
            RejectCode::Unavailable => (503, "Refused by a filter"),
        },
    }
}
