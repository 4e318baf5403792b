//! Keys that are replaced while the gateway runs: what of them handshakes and learned secrets see.

use sluicegate_admission::{
    Admission, Gate, Key, Registry, Scheme, SignRequest, hmac_sha256, preset, sign,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::proof::Received;
use sluicegate_core::refusal::Refusal;

use crate::senders::{BODY, NOW, URL, hex, key, send};

const OLD: &str = "the-secret-that-was-there-before";
const NEW: &str = "the-secret-that-is-there-now-for";

fn door(name: &str, keys: Vec<Key>) -> Admission {
    let scheme = Scheme::preset(name).unwrap();
    let gate = Gate::new(source(), scheme, keys);
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn source() -> SourceName {
    "in".parse().unwrap()
}

fn request(method: &str, target: &str, headers: &[(String, String)], body: &str) -> Delivery {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Delivery {
        source: source(),
        method: method.into(),
        target: target.into(),
        headers: headers.collect(),
        body: body.to_owned().into(),
        peer: None,
        transport: Transport::default(),
    }
}

fn signed(name: &str, secret: &str, body: &str) -> Delivery {
    let scheme = Scheme::preset(name).unwrap();
    let ask = SignRequest {
        body: body.as_bytes(),
        id: "1",
        now: NOW,
        url: URL,
        method: "POST",
        kind: "thing",
    };
    request("POST", "/in?x=1", &sign(&scheme, &key("k", secret), ask).unwrap(), body)
}

fn said(door: &Admission, asked: &Delivery) -> String {
    let greeting = door.greet(asked, NOW, None).unwrap_or_else(|refusal| panic!("{refusal}"));
    String::from_utf8(greeting.reply.body.to_vec()).unwrap()
}

fn verified(door: &Admission, delivery: Delivery) -> Result<(), Refusal> {
    let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
    door.verify(&Received::assertion(delivery, arrival), None).map(drop)
}

#[test]
fn a_handshake_is_answered_with_the_keys_of_the_moment() {
    let door = door("twitter", vec![key("old", OLD)]);
    let asked = request("GET", "/in?crc_token=abc", &[], "");
    let before = said(&door, &asked);
    door.replace_keys(&source(), vec![key("new", NEW)]).unwrap();
    let after = said(&door, &asked);
    assert_ne!(before, after);
    door.replace_keys(&source(), vec![key("old", OLD)]).unwrap();
    assert_eq!(said(&door, &asked), before);
}

#[test]
fn a_signed_handshake_is_answered_with_the_key_that_proved_it() {
    let both = vec![key("old", OLD), key("new", NEW)];
    let door = door("zoom", both);
    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}"#;
    for secret in [OLD, NEW] {
        let answer = said(&door, &signed("zoom", secret, body));
        let mac = hex(&hmac_sha256(secret.as_bytes(), &[b"qgg8"]));
        assert!(answer.contains(&mac), "{answer}");
    }
}

#[test]
fn a_learned_secret_stays_when_keys_are_replaced_and_is_counted() {
    let door = door("asana", Vec::new());
    door.learn(&source(), OLD.into()).unwrap();
    verified(&door, signed("asana", OLD, BODY)).unwrap();
    door.replace_keys(&source(), Vec::new()).unwrap();
    verified(&door, signed("asana", OLD, BODY)).unwrap();
    door.replace_keys(&source(), vec![key("k", NEW)]).unwrap();
    verified(&door, signed("asana", NEW, BODY)).unwrap();
    assert!(verified(&door, signed("asana", OLD, BODY)).is_err(), "a key that is named counts");
    door.replace_keys(&source(), Vec::new()).unwrap();
    verified(&door, signed("asana", OLD, BODY)).unwrap();
    assert!(door.learn(&source(), NEW.into()).is_err(), "it has its secret still");
    let keys = door.keys(NOW);
    let counted: Vec<_> =
        keys.iter().map(|one| (one.used.key.as_str(), one.used.matched)).collect();
    assert_eq!(counted, [("learned", 3)]);
}

#[test]
fn keys_of_every_kind_are_replaced_and_the_old_ones_stay_when_the_new_are_wrong() {
    for preset in preset::ALL {
        let sent = send(preset, NOW, false);
        let scheme = Scheme::Preset(preset);
        let gate = Gate {
            public_url: Some(URL.into()),
            ..Gate::new(source(), scheme, vec![sent.key.clone()])
        };
        let door = Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|_| panic!());
        let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
        let received = Received::assertion(sent.delivery(), arrival);
        let proves = || door.verify(&received, sent.evidence.as_ref()).is_ok();
        assert!(proves(), "{}", preset.name);
        assert!(door.replace_keys(&source(), vec![key("bad", "")]).is_err(), "{}", preset.name);
        assert!(proves(), "{}: the old ring stays", preset.name);
        let ended = Key { not_after: Some(NOW), ..sent.key.clone() };
        door.replace_keys(&source(), vec![ended]).unwrap();
        assert!(!proves(), "{}: the new ring counts", preset.name);
        door.replace_keys(&source(), vec![sent.key.clone()]).unwrap();
        assert!(proves(), "{}", preset.name);
    }
}
