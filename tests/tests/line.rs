//! The line, end to end: what a provider sends comes out of a queue byte for byte, or is refused
//! with its code and nothing is stored.

use sluicegate_tests::config;
use sluicegate_tests::fixtures::{self, Delivery, Encoding, GITHUB_EVENTS};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Repeat};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

const GITHUB: &str = "/hooks/github";

fn github(event: &str, id: &str) -> Delivery {
    fixtures::github(event, Encoding::Json, id)
}

/// A delivery of the other schemes, signed for this moment.
fn timed(scheme: &str, unix_s: u64, body: &[u8]) -> Delivery {
    let time = unix_s.to_string();
    let json = ("Content-Type", "application/json");
    let id = format!("msg_{unix_s}");
    let headers = match scheme {
        "standard" => {
            let signed = signing::standard_webhooks(config::STANDARD_SECRET, &id, unix_s, body);
            http::headers(&[
                json,
                ("webhook-id", &id),
                ("webhook-timestamp", &time),
                ("webhook-signature", &signed),
            ])
        }
        "stripe" => {
            let signed = signing::stripe(config::STRIPE_SECRET, unix_s, body);
            http::headers(&[json, ("Stripe-Signature", &signed)])
        }
        "slack" => {
            let signed = signing::slack(config::SLACK_SECRET, unix_s, body);
            http::headers(&[
                json,
                ("X-Slack-Request-Timestamp", &time),
                ("X-Slack-Signature", &signed),
            ])
        }
        other => panic!("no scheme {other}"),
    };
    Delivery { headers, body: body.to_vec() }
}

/// The body of an event of each timed scheme.
fn timed_body(scheme: &str) -> &'static [u8] {
    match scheme {
        "stripe" => br#"{"id":"evt_1","object":"event","type":"invoice.paid","data":{}}"#,
        "slack" => br#"{"type":"event_callback","event_id":"Ev1","event":{"type":"message"}}"#,
        _ => br#"{"type":"user.created","timestamp":"2026-11-22T12:00:00Z","data":{}}"#,
    }
}

fn assert_nothing_stored(gateway: &Gateway, queue: &str) {
    assert_eq!(gateway.consumer().depth(queue), 0);
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);
}

#[test]
fn every_github_delivery_arrives_byte_for_byte_in_both_encodings() {
    let gateway = World::new(&config::every_scheme());
    let gateway = gateway.start();
    for (at, event) in GITHUB_EVENTS.into_iter().enumerate() {
        for encoding in [Encoding::Json, Encoding::Form] {
            let id = format!("72d3162e-cc78-11e3-81ab-{at:08}{:04}", encoding as u8);
            let delivery = fixtures::github(event, encoding, &id);
            let receipt = gateway.deliver(GITHUB, &delivery).accepted();
            assert_eq!(receipt.repeat, Repeat::First);

            let taken = gateway.consumer().take("inbox", 1).remove(0);
            assert_eq!(taken.payload, delivery.body, "{event} {encoding:?}");
            assert_eq!(taken.attempt, 1);
            assert_eq!(taken.attribute("id"), receipt.id);
            assert_eq!(taken.attribute("specversion"), "1.0");
            assert_eq!(taken.attribute("source"), "github");
            assert_eq!(taken.attribute("type"), event);
            assert_eq!(taken.attribute("datacontenttype"), delivery.header("content-type"));
            let headers = &taken.event["sgheaders"];
            assert_eq!(headers["x-github-delivery"], id);
            assert_eq!(headers["user-agent"], delivery.header("user-agent"));
        }
    }
    assert_nothing_stored(&gateway, "inbox");
}

#[test]
fn a_repeated_delivery_id_is_stored_once_and_gets_the_first_receipt() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let delivery = github("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let first = gateway.deliver(GITHUB, &delivery).accepted();
    let again = gateway.deliver(GITHUB, &delivery).accepted();
    assert_eq!((first.repeat, again.repeat), (Repeat::First, Repeat::Duplicate));
    assert_eq!(first.id, again.id);
    gateway.kill();

    let gateway = world.start();
    let after_crash = gateway.deliver(GITHUB, &delivery).accepted();
    assert_eq!((after_crash.repeat, &after_crash.id), (Repeat::Duplicate, &first.id));
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), first.id);
    assert_nothing_stored(&gateway, "inbox");

    // Settled or not, the key is remembered for the window.
    let after_ack = gateway.deliver(GITHUB, &delivery).accepted();
    assert_eq!((after_ack.repeat, &after_ack.id), (Repeat::Duplicate, &first.id));
    assert_nothing_stored(&gateway, "inbox");
}

#[test]
fn a_refused_delivery_does_not_spend_its_idempotency_key() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let good = github("push", "72d3162e-cc78-11e3-81ab-4c9367dc0959");
    let forged = good.clone().with("X-Hub-Signature-256", &signing::github("other", &good.body));
    gateway.deliver(GITHUB, &forged).assert_problem(401, "signature_refused");
    assert_eq!(gateway.deliver(GITHUB, &good).accepted().repeat, Repeat::First);
}

#[test]
fn wrong_missing_doubled_and_malformed_signatures_are_refused_and_nothing_is_stored() {
    let world = World::new(&config::every_scheme());
    let mut gateway = world.start();
    let good = github("issues", "72d3162e-cc78-11e3-81ab-4c9367dc0960");
    let name = "X-Hub-Signature-256";
    let right = good.header(name).to_owned();
    let mut doubled = good.clone();
    doubled.headers.push((name.to_owned(), right.clone()));
    let mut tampered = good.clone();
    tampered.body.push(b' ');
    let bad = [
        good.clone().with(name, &signing::github("another secret", &good.body)),
        good.clone().without(name).without("X-Hub-Signature"),
        good.clone().without(name),
        doubled,
        tampered,
        good.clone().with(name, ""),
        good.clone().with(name, "sha256="),
        good.clone().with(name, &right["sha256=".len()..]),
        good.clone().with(name, &right[..right.len() - 1]),
        good.clone().with(name, &format!("{right}0")),
        good.clone().with(name, &right.replace("sha256=", "sha512=")),
        good.clone().with(name, &format!("sha256={}", "g".repeat(64))),
        good.clone().with(name, &format!("{right}, {right}")),
    ];
    for delivery in bad {
        let answer = gateway.deliver(GITHUB, &delivery);
        answer.assert_problem(401, "signature_refused");
        // A stranger is not told why: every such answer reads the same.
        assert_eq!(answer.json()["detail"], "the sender is not proven");
    }
    assert_nothing_stored(&gateway, "inbox");
    gateway.assert_unharmed();
    assert_eq!(gateway.deliver(GITHUB, &good).accepted().repeat, Repeat::First);
}

#[test]
fn stale_and_future_timestamps_are_refused_by_every_scheme_that_signs_one() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let now = signing::unix_s_now();
    for scheme in ["standard", "stripe", "slack"] {
        let path = format!("/hooks/{scheme}");
        let body = timed_body(scheme);
        for bad in [now - 330, now + 330, 0, now * 1000] {
            let answer = gateway.deliver(&path, &timed(scheme, bad, body));
            answer.assert_problem(401, "signature_refused");
        }
        assert_nothing_stored(&gateway, "inbox");
        let receipt = gateway.deliver(&path, &timed(scheme, now - 200, body)).accepted();
        let taken = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!((taken.attribute("id"), taken.payload.as_slice()), (&*receipt.id, body));
    }
}

#[test]
fn a_signature_over_another_timestamp_is_refused() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let now = signing::unix_s_now();
    let standard = timed("standard", now - 1000, timed_body("standard"))
        .with("webhook-timestamp", &now.to_string());
    gateway.deliver("/hooks/standard", &standard).assert_problem(401, "signature_refused");
    let slack = timed("slack", now - 1000, timed_body("slack"))
        .with("X-Slack-Request-Timestamp", &now.to_string());
    gateway.deliver("/hooks/slack", &slack).assert_problem(401, "signature_refused");
    assert_nothing_stored(&gateway, "inbox");
}

#[test]
fn every_live_key_verifies_and_no_other() {
    let configuration = config::every_scheme().replace(
        "keys: [ { id: k1, secret: github } ]",
        "keys: [ { id: old, secret: slack }, { id: new, secret: github } ]",
    );
    let world = World::new(&configuration);
    let gateway = world.start();
    let body = fixtures::github_payload("ping");
    let signed = |id: &str, secret: &str| {
        github("ping", id).with("X-Hub-Signature-256", &signing::github(secret, &body))
    };
    for (id, secret) in [("a", config::SLACK_SECRET), ("b", fixtures::GITHUB_SECRET)] {
        assert_eq!(gateway.deliver(GITHUB, &signed(id, secret)).accepted().repeat, Repeat::First);
    }
    let stranger = signed("c", config::STRIPE_SECRET);
    gateway.deliver(GITHUB, &stranger).assert_problem(401, "signature_refused");
    assert_eq!(gateway.consumer().take("inbox", 2).len(), 2);
}

#[test]
fn a_packed_body_is_verified_as_it_came_and_stored_unpacked_where_the_source_says_so() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let pack = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let delivery = |id: &str, body: Vec<u8>| {
        let mut delivery = fixtures::github_signed("push", "application/json", id, body);
        delivery.headers.push(("Content-Encoding".into(), "gzip".into()));
        delivery
    };
    let text = config::every_scheme();
    let world = World::new(&text);
    let gateway = world.start();
    let answer = gateway.deliver(GITHUB, &delivery("a", pack(b"{}")));
    answer.assert_problem(415, "media_type_unsupported");
    gateway.stop();

    let path = "path: /hooks/github\n";
    let text = text.replace(path, &format!("{path}      gzip: true\n      payload_max: 64KiB\n"));
    let gateway = World::new(&text).start();
    let plain = fixtures::github_payload("push");
    let _ = gateway.deliver(GITHUB, &delivery("b", pack(&plain))).accepted();
    let taken = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(taken.payload, plain);
    assert!(taken.event["sgheaders"].get("content-encoding").is_none());
    let bomb = pack(&vec![b' '; 8 << 20]);
    gateway.deliver(GITHUB, &delivery("c", bomb)).assert_problem(413, "payload_too_large");
    let torn = pack(&plain)[..40].to_vec();
    gateway.deliver(GITHUB, &delivery("d", torn)).assert_problem(400, "request_malformed");
    assert_nothing_stored(&gateway, "inbox");
}
