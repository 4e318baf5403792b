//! The table: what each refusal is on the wire of MQTT. There is no second one.
//!
//! A client of MQTT 5 whose message can never be taken as it is gets a reason code in PUBACK or
//! PUBREC; one of 3.1.1 has no such code, and loses its connection. A message that is only not
//! taken now gets no answer at all in either: the connection ends, and the client, which still
//! holds the message, sends it again.

use sluicegate_core::decision::RejectCode;
use sluicegate_core::refusal::Refusal;

use super::session::Judged;
use super::wire::{DisconnectReasonCode as Leave, PublishAckReason as Ack};

/// What a client is told about a message that was refused.
pub(crate) fn answer(refusal: &Refusal) -> Judged {
    let not_authorised = Judged::Refused(Ack::NotAuthorized, Leave::NotAuthorized);
    let bad_payload = Judged::Refused(Ack::PayloadFormatInvalid, Leave::PayloadFormatInvalid);
    let quota = Judged::Refused(Ack::QuotaExceeded, Leave::QuotaExceeded);
    let too_large = Judged::Refused(Ack::QuotaExceeded, Leave::PacketTooLarge);
    let busy = Judged::NotNow(Leave::ServerBusy);
    match refusal {
        Refusal::NoSource
        | Refusal::WrongMethod
        | Refusal::Unverified(_)
        | Refusal::HandshakeRefused => not_authorised,
        Refusal::Malformed { .. }
        | Refusal::WrongMediaType { .. }
        | Refusal::NotCloudEvent { .. }
        | Refusal::Invalid { .. }
        | Refusal::NoSchema { .. } => bad_payload,
        Refusal::TooLarge { .. } | Refusal::BatchTooLarge { .. } | Refusal::HeadersTooLarge => {
            too_large
        }
        Refusal::RateLimited { .. } => {
            Judged::Refused(Ack::QuotaExceeded, Leave::MessageRateTooHigh)
        }
        Refusal::QueueFull { .. } | Refusal::QueueOverRate { .. } | Refusal::SourceFull { .. } => {
            quota
        }
        Refusal::TooSlow
        | Refusal::Overloaded { .. }
        | Refusal::Deferred { .. }
        | Refusal::PluginPaused { .. }
        | Refusal::ProofUnavailable { .. }
        | Refusal::StoreUnavailable { .. } => busy,
        Refusal::Stopping => Judged::NotNow(Leave::ServerShuttingDown),
        Refusal::Rejected(rejection) => match rejection.code {
            RejectCode::Invalid => bad_payload,
            RejectCode::Unauthenticated | RejectCode::Forbidden => not_authorised,
            RejectCode::TooLarge => too_large,
            RejectCode::RateLimited => quota,
            RejectCode::Unavailable => busy,
        },
    }
}

/// Whether a refusal is for good. A message that waits at a broker can wait for everything else.
pub(crate) fn lasts(refusal: &Refusal) -> bool {
    let quota = matches!(
        refusal,
        Refusal::RateLimited { .. }
            | Refusal::QueueFull { .. }
            | Refusal::QueueOverRate { .. }
            | Refusal::SourceFull { .. }
    );
    let told = matches!(refusal, Refusal::Rejected(rejection)
        if matches!(rejection.code, RejectCode::RateLimited | RejectCode::Unavailable));
    !quota && !told && matches!(answer(refusal), Judged::Refused(..))
}
