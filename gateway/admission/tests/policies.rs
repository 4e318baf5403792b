//! What becomes of an event under every combination of a source's policies, before and after its
//! schema is registered.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use sluicegate_admission::{
    Admission, Gate, OnUnknown, OnViolation, Registry, SchemaRule, Scheme, VIOLATIONS_ATTRIBUTE,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::letter::Cause;
use sluicegate_core::proof::Received;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SchemaVersion;
use sluicegate_core::time::Timestamp;

/// A fate in one word.
fn fate(admission: &Admission, body: &str) -> &'static str {
    let delivery = Delivery {
        source: "s".parse().unwrap(),
        method: "POST".into(),
        target: "/".into(),
        headers: Fields::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        peer: None,
        transport: Transport::default(),
    };
    let now = Timestamp::from_unix_ms(1_700_000_000_000);
    let arrival = Arrival { id: EventId::new(now, 1), at: now, steady: now };
    let verified = admission.verify(&Received::assertion(delivery, arrival), None).unwrap();
    let judged = match admission.validate(verified) {
        Ok(judged) => judged,
        Err(Refusal::Invalid { .. }) => return "invalid",
        Err(Refusal::NoSchema { .. }) => return "unknown",
        Err(_) => return "other",
    };
    let event = judged.validated.event();
    let tagged = event.attributes.first(VIOLATIONS_ATTRIBUTE).is_some();
    let is_judged = judged.validated.verdict().schema.is_some();
    match (&judged.letter, tagged, is_judged) {
        (Some(letter), false, true) if letter.cause == Cause::Violation => "dead",
        (None, true, true) => "tagged",
        (None, false, true) => "judged",
        (None, false, false) => "unjudged",
        _ => "other",
    }
}

#[test]
fn every_combination_of_policies_has_one_fate() {
    let mut registry = Registry::empty();
    let version = SchemaVersion { subject: "s.webhook".parse().unwrap(), version: 1 };
    registry.add(version, &json!({ "type": "object" })).unwrap();
    let registry = Arc::new(registry);
    for (on_unknown, without) in [(OnUnknown::Accept, "unjudged"), (OnUnknown::Reject, "unknown")] {
        for (on_violation, broken) in [
            (OnViolation::Reject, "invalid"),
            (OnViolation::DeadLetter, "dead"),
            (OnViolation::Tag, "tagged"),
        ] {
            let schema = Some(SchemaRule { subject: "s.{type}".into(), on_unknown, on_violation });
            let gate = Gate { schema, ..Gate::new("s".parse().unwrap(), Scheme::None, vec![]) };
            let admission =
                Admission::build(vec![gate], Registry::empty()).map_err(|_| "built").unwrap();
            let refusing = usize::from(on_unknown == OnUnknown::Reject);
            assert_eq!(admission.without_schemas().len(), refusing);
            let fates = || ["{}", "[]", "{", r#"{"a":1,"a":1}"#].map(|b| fate(&admission, b));
            assert_eq!(fates(), [without; 4], "{on_unknown:?} {on_violation:?}");
            admission.use_schemas(&registry);
            let wanted = ["judged", broken, broken, broken];
            assert_eq!(fates(), wanted, "{on_unknown:?} {on_violation:?}");
            assert!(admission.without_schemas().is_empty());
            admission.use_schemas(&Arc::new(Registry::empty()));
            assert_eq!(fates(), [without; 4], "what is gone judges no more");
        }
    }
}
