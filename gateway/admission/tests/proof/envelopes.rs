//! Deliveries in signed JSON envelopes, against what senders and strangers may put into them.

use bytes::Bytes;
use sluicegate_admission::{
    Admission, Delivered, Gate, Key, Registry, Scheme, SignRequest, Wrapping, preset, sign, wrap,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::senders::{NOW, key};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn gate(scheme: Scheme, keys: Vec<Key>) -> Result<Admission, String> {
    let wrapping = Wrapping::Envelope;
    let gate = Gate { wrapping, ..Gate::new("in".parse().unwrap(), scheme, keys) };
    Admission::build(vec![gate], Registry::empty()).map_err(|faults| format!("{faults:?}"))
}

fn standard() -> (Scheme, Key) {
    (Scheme::preset("standard-webhooks").unwrap(), key("k", SECRET))
}

/// The envelope of a message that is signed now.
fn envelope(body: &[u8]) -> (Vec<(String, String)>, Vec<u8>) {
    let (scheme, key) = standard();
    let request = SignRequest { body, id: "m-1", now: NOW, url: "", method: "POST", kind: "x" };
    let headers = sign(&scheme, &key, request).unwrap();
    let wrapped = wrap(&headers, body);
    (headers, wrapped)
}

fn judge(headers: Fields, body: Vec<u8>, at: Timestamp) -> Result<Verified, SignatureFault> {
    let (scheme, key) = standard();
    let admission = gate(scheme, vec![key]).unwrap();
    let delivery = Delivery {
        source: "in".parse().unwrap(),
        method: "PUBLISH".into(),
        target: "meters/7".into(),
        headers,
        body: Bytes::from(body),
        peer: None,
        transport: Transport::default(),
    };
    let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
    match admission.verify_all(&Received::assertion(delivery, arrival), None) {
        Ok(Delivered::One(verified)) => Ok(verified),
        Err(Refusal::Unverified(fault)) => Err(fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_inside_is_proven_becomes_the_payload_and_is_known_again_by_its_message_id() {
    for body in [&b"{\"n\": 1}"[..], b"\x00\xff"] {
        let verified = judge(Fields::new(), envelope(body).1, NOW).unwrap();
        assert_eq!(verified.event().payload, body);
        assert_eq!(verified.event().content_type, "application/json");
        assert_eq!(verified.verdict().key.as_ref().unwrap().as_str(), "k");
        assert_eq!(verified.event().headers.first("webhook-signature"), None);
        let (_, _, dedupe) = verified.into_parts();
        assert_eq!(dedupe.unwrap().as_str(), "m-1");
    }
}

#[test]
fn what_was_changed_is_late_doubled_or_has_no_envelope_is_refused() {
    let (headers, wrapped) = envelope(b"true");
    let judged = |headers, body, at| judge(headers, body, at).unwrap_err().code();
    assert_eq!(judged(Fields::new(), wrap(&headers, b"false"), NOW), "mismatch");
    let hour = 60 * 60 * 1000;
    let later = Timestamp::from_unix_ms(NOW.unix_ms() + hour);
    assert_eq!(judged(Fields::new(), wrapped.clone(), later), "stale");
    let outer: Fields = [("webhook-id", "m-1")].into_iter().collect();
    assert_eq!(judged(outer, wrapped, NOW), "doubled");
    let bare = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(judged(bare, b"true".to_vec(), NOW), "malformed");
    assert_eq!(judged(Fields::new(), wrap(&headers[..1], b"true"), NOW), "missing");
}

#[test]
fn a_refused_envelope_is_explained_by_what_is_inside() {
    let (scheme, _) = standard();
    let admission = gate(scheme, vec![key("k", SECRET)]).unwrap();
    let (headers, _) = envelope(b"{\"n\":1}");
    let body = Bytes::from(wrap(&headers, b"{ \"n\": 1 }"));
    let delivery = Delivery {
        source: "in".parse().unwrap(),
        method: "PUBLISH".into(),
        target: String::new(),
        headers: Fields::new(),
        body,
        peer: None,
        transport: Transport::default(),
    };
    let explained = admission.explain(&delivery, NOW, None).unwrap();
    assert!(!explained.likely.is_empty(), "the body was written anew: {explained:?}");
    let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
    let supposed = admission.suppose(&delivery, arrival).unwrap();
    assert_eq!(supposed.events[0].event.payload, b"{ \"n\": 1 }"[..]);
    let broken = Delivery { body: Bytes::from_static(b"[]"), ..delivery };
    let explained = admission.explain(&broken, NOW, None).unwrap();
    assert_eq!(explained.fault.unwrap().code(), "malformed");
    assert!(admission.suppose(&broken, arrival).unwrap().refusal.is_some());
}

#[test]
fn only_schemes_with_their_signature_in_a_header_take_envelopes() {
    let keys = || vec![key("k", "a secret that is long enough")];
    let named = |name: &str| Scheme::preset(name).unwrap();
    for scheme in [named("gitlab"), named("mailgun"), Scheme::Token { header: "x".into() }] {
        let fault = gate(scheme, keys()).err().unwrap();
        assert!(fault.contains("envelope"), "{fault}");
    }
    assert!(gate(Scheme::None, vec![]).err().unwrap().contains("envelope"));
    let hmac = preset::ALL.iter().find(|preset| preset.name == "github").unwrap();
    assert!(gate(Scheme::Preset(hmac), keys()).is_ok());
}
