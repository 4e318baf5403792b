//! By what a delivery that comes again is known.

use std::time::Duration;

use sluicegate_admission::{Admission, Gate, Preset, Registry, Scheme, preset};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Received;
use sluicegate_core::time::Timestamp;

use crate::senders::{NOW, Sent, URL, send};

fn named(name: &str) -> &'static Preset {
    preset::ALL.iter().find(|preset| preset.name == name).unwrap()
}

/// The idempotency key that a delivery has when it comes at this moment.
fn key_of(preset: &'static Preset, sent: &Sent, at: Timestamp) -> Option<String> {
    let scheme = Scheme::Preset(preset);
    let gate = Gate::new("in".parse().unwrap(), scheme, vec![sent.key.clone()]);
    let gate = Gate { public_url: Some(URL.into()), ..gate };
    let door = Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|_| panic!());
    let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
    let received = Received::assertion(sent.delivery(), arrival);
    let verified = door.verify(&received, sent.evidence.as_ref()).unwrap();
    let (_, _, dedupe) = verified.into_parts();
    dedupe.map(|key| key.as_str().to_owned())
}

#[test]
fn what_signs_time_and_body_is_known_again_without_an_id() {
    let mut sealed = Vec::new();
    for preset in preset::ALL {
        let sent = send(preset, NOW, false);
        let Some(key) = key_of(preset, &sent, NOW) else { continue };
        if !key.starts_with("sealed:") {
            continue;
        }
        sealed.push(preset.name);
        let later = NOW.plus(Duration::from_secs(2));
        assert_eq!(key_of(preset, &sent, later).unwrap(), key, "{}", preset.name);
        let other = send(preset, later, false);
        assert_ne!(key_of(preset, &other, later).unwrap(), key, "{}", preset.name);
    }
    for name in ["zoom", "hubspot", "calendly", "klaviyo", "sendgrid"] {
        assert!(sealed.contains(&name), "{name} is not among {sealed:?}");
    }
}

#[test]
fn those_that_name_no_repetition_are_these_and_no_others() {
    let without = preset::ALL.iter().filter(|preset| {
        // Where the payload would have the id, this one has none: what matters is the place.
        let has_place = !preset.dedupe.is_empty();
        !has_place && key_of(preset, &send(preset, NOW, false), NOW).is_none()
    });
    let names: Vec<_> = without.map(|preset| preset.name).collect();
    assert_eq!(names, WITHOUT, "docs/PROVIDERS.md speaks of them");
}

/// They sign the body and nothing that a repetition would share alone: two notices with the same
/// text may be two things that happened.
const WITHOUT: &[&str] = &[
    "expo",
    "xero",
    "adyen-platform",
    "paystack",
    "lemonsqueezy",
    "meta",
    "twitter",
    "hubspot-v2",
    "hubspot-v1",
    "mandrill",
    "postmark",
    "websub",
    "asana",
    "clickup",
    "dropbox",
    "microsoft-graph",
    "docusign",
];

#[test]
fn an_array_is_known_by_the_ids_of_all_its_items() {
    let with = |name: &str, body: &str| {
        let preset = named(name);
        let mut sent = send(preset, NOW, false);
        sent.body = body.to_owned();
        key_of(preset, &sent, NOW)
    };
    let grid = "azure-event-grid";
    assert_eq!(with(grid, r#"[{"id":"a"}]"#).as_deref(), Some("a"));
    assert_eq!(with(grid, r#"[{"id":"a"},{"id":"b"}]"#).as_deref(), Some("a\nb"));
    assert_eq!(with(grid, r#"[{"id":"a"},{"x":"b"}]"#), None);
}
