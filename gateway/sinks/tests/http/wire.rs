//! The request as it arrives.

use std::sync::Arc;

use ring::hmac;
use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Sink};
use sluicegate_sinks::http::{HttpSink, Signer};

use crate::receiver::{NOW, Receiver, deliver, event};

fn signer(secret: &'static [u8]) -> Signer {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    Arc::new(move |parts: &[&[u8]]| {
        let mut context = hmac::Context::with_key(&key);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().unwrap()
    })
}

#[tokio::test]
async fn the_payload_arrives_byte_for_byte_as_a_cloudevent() {
    let receiver = Receiver::new().await;
    let mut config = receiver.config();
    config.headers.push(("X-Token".into(), "t".into()));
    let sink = HttpSink::new(config).unwrap();
    let payload: &[u8] = b"{\"a\": 1.0e22,  \"a\":2}\r\n\0\xff";
    let batch = [Attempt { event: event(7, payload), number: 3 }];
    assert_eq!(sink.deliver(&batch).await, [Outcome::Done]);
    let got = receiver.got().remove(0);
    assert_eq!((got.uri.as_str(), got.body.as_ref()), ("/in?a=b", payload));
    let id = event(7, b"").id.to_string();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", id.as_str()),
        ("ce-source", "github"),
        ("ce-type", "push"),
        ("ce-subject", "a%20b"),
        ("ce-sgroute", "r1"),
        ("content-type", "application/json"),
        ("content-length", "25"),
        ("x-token", "t"),
    ] {
        assert_eq!(got.headers[name], value, "{name}");
    }
    for absent in ["authorization", "ce-time", "webhook-id", "webhook-signature"] {
        assert!(!got.headers.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn the_signature_is_the_known_answer_for_each_secret() {
    let receiver = Receiver::new().await;
    let mut config = receiver.config();
    config.signers = vec![signer(b"one secret"), signer(b"another secret")];
    let sink = HttpSink::new(config).unwrap();
    assert_eq!(deliver(&sink).await, Outcome::Done);
    let headers = receiver.got().remove(0).headers;
    assert_eq!(headers["webhook-id"], "018bcfe5-6800-7000-8000-000000000001");
    assert_eq!(headers["webhook-timestamp"], (NOW.unix_ms() / 1000).to_string());
    // From another implementation: openssl dgst -sha256 -hmac SECRET -binary | base64, over
    // 018bcfe5-6800-7000-8000-000000000001.1700000000.{}
    assert_eq!(
        headers["webhook-signature"],
        "v1,Zfh7x6odJ4ClCRyUFGGPjTK9YWzLxFKqV6A77L9fFGw= v1,2zwbUvUEc9+9JKN2IyveexSzWPfok9LF9x/DRlT28Dc="
    );
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let receiver = Receiver::new().await;
    let sink = receiver.sink();
    for _ in 0..5 {
        assert_eq!(deliver(&sink).await, Outcome::Done);
    }
    assert_eq!(receiver.got().iter().map(|got| got.connection).collect::<Vec<_>>(), [0; 5]);
}
