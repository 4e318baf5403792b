//! Which refusals are worth keeping, and as what. Pure.

use sluicegate_core::delivery::Transport;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_queue::RefusedClass;

/// Whether another secret, certificate, schema or format of the source would let it in: whether it
/// is worth keeping, and as what. What the gateway is too busy for comes again by itself.
pub(super) fn class_of(refusal: &Refusal, transport: &Transport) -> Option<RefusedClass> {
    match refusal {
        // Its sender has it still: each of its tries would be kept.
        Refusal::ProofUnavailable { .. } if transport.comes_again => None,
        // Its source has it still, and tries it until there is a schema.
        Refusal::NoSchema { .. } if transport.came_at.is_some() => None,
        Refusal::Unverified(fault) => Some(class_of_fault(fault)),
        Refusal::ProofUnavailable { .. }
        | Refusal::NotCloudEvent { .. }
        | Refusal::Invalid { .. }
        | Refusal::NoSchema { .. } => Some(RefusedClass::Likely),
        Refusal::Malformed { .. }
        | Refusal::NoSource
        | Refusal::WrongMethod
        | Refusal::TooSlow
        | Refusal::TooLarge { .. }
        | Refusal::HeadersTooLarge
        | Refusal::WrongMediaType { .. }
        | Refusal::HandshakeRefused
        | Refusal::Rejected(_)
        | Refusal::RateLimited { .. }
        | Refusal::BatchTooLarge { .. }
        | Refusal::Overloaded { .. }
        | Refusal::QueueFull { .. }
        | Refusal::QueueOverRate { .. }
        | Refusal::SourceFull { .. }
        | Refusal::Deferred { .. }
        | Refusal::PluginPaused { .. }
        | Refusal::StoreUnavailable { .. }
        | Refusal::Stopping => None,
    }
}

/// Any fault is kept: also one in the form of a signature is mended by naming another scheme. But
/// that form costs a stranger nothing, and a provider whose secret was rotated gets it right.
fn class_of_fault(fault: &SignatureFault) -> RefusedClass {
    match fault {
        SignatureFault::Missing { .. }
        | SignatureFault::Doubled { .. }
        | SignatureFault::Malformed { .. }
        | SignatureFault::MalformedTime => RefusedClass::Unsigned,
        SignatureFault::Stale { .. }
        | SignatureFault::Future { .. }
        | SignatureFault::Mismatch
        | SignatureFault::Certificate { .. }
        | SignatureFault::NoLiveKey => RefusedClass::Likely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::time::Timestamp;
    use std::time::Duration;

    #[test]
    fn what_a_stranger_sends_without_an_effort_is_not_held_for_the_providers() {
        let again = Transport { comes_again: true, ..Transport::default() };
        let once = Transport::default();
        let class = |fault| class_of(&Refusal::Unverified(fault), &again);
        let missing = SignatureFault::Missing { header: "x-hub-signature-256".into() };
        let malformed = SignatureFault::Malformed { what: "not hexadecimal".into() };
        for fault in [missing, malformed, SignatureFault::MalformedTime] {
            assert_eq!(class(fault), Some(RefusedClass::Unsigned));
        }
        for fault in [SignatureFault::Mismatch, SignatureFault::Stale { skew_ms: 1 }] {
            assert_eq!(class(fault), Some(RefusedClass::Likely));
        }
        let invalid = Refusal::Invalid { violations: vec![] };
        assert_eq!(class_of(&invalid, &once), Some(RefusedClass::Likely));
        let busy = Refusal::RateLimited { retry_after: Duration::from_secs(1) };
        assert_eq!(class_of(&busy, &once), None);
        let unproven = Refusal::ProofUnavailable { retry_after: Duration::from_secs(1) };
        assert_eq!(class_of(&unproven, &once), Some(RefusedClass::Likely));
        assert_eq!(class_of(&unproven, &again), None);
    }

    #[test]
    fn what_its_source_tries_until_there_is_a_schema_is_not_kept_at_each_try() {
        let unknown = Refusal::NoSchema { subject: "s".into() };
        let waits = Transport { came_at: Some(Timestamp::default()), ..Transport::default() };
        assert_eq!(class_of(&unknown, &waits), None);
        let gone = Transport { comes_again: true, ..Transport::default() };
        assert_eq!(class_of(&unknown, &gone), Some(RefusedClass::Likely));
    }
}
