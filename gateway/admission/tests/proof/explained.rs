//! Explanations over every preset: also where the key is a name, a certificate is fetched, or the
//! signature lies in the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_admission::{
    Admission, Gate, Key, Likely, Mistake, Own, Preset, Proof, Registry, Scheme, hmac_sha256,
    preset,
};
use sluicegate_core::delivery::Delivery;
use sluicegate_core::time::Timestamp;

use crate::senders::{NOW, Sent, URL, key, send};

fn gate(name: &str, preset: &'static Preset, keys: Vec<Key>) -> Gate {
    let scheme = Scheme::Preset(preset);
    Gate { public_url: Some(URL.into()), ..Gate::new(name.parse().unwrap(), scheme, keys) }
}

fn door(gates: Vec<Gate>) -> Admission {
    Admission::build(gates, Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn likely(door: &Admission, delivery: &Delivery, sent: &Sent) -> Vec<Likely> {
    let explained = door.explain(delivery, NOW, sent.evidence.as_ref()).unwrap();
    assert!(explained.fault.is_some(), "it is no mistake");
    explained.likely
}

fn mistakes(door: &Admission, delivery: &Delivery, sent: &Sent) -> Vec<Mistake> {
    likely(door, delivery, sent).iter().map(|one| one.mistake).collect()
}

fn named(name: &str) -> &'static Preset {
    preset::ALL.iter().find(|preset| preset.name == name).unwrap()
}

#[test]
fn what_every_preset_sends_has_no_mistake() {
    for preset in preset::ALL {
        let sent = send(preset, NOW, false);
        let door = door(vec![gate("in", preset, vec![sent.key.clone()])]);
        let explained = door.explain(&sent.delivery(), NOW, sent.evidence.as_ref()).unwrap();
        assert_eq!((explained.fault, explained.likely), (None, vec![]), "{}", preset.name);
    }
}

#[test]
fn a_key_outside_its_window_is_named_whatever_kind_of_key_it_is() {
    for preset in preset::ALL {
        let sent = send(preset, NOW, false);
        let expired = Key { not_after: Some(NOW), ..sent.key.clone() };
        let door = door(vec![gate("in", preset, vec![expired])]);
        let found = mistakes(&door, &sent.delivery(), &sent);
        assert_eq!(found, [Mistake::KeyWindow], "{}", preset.name);
    }
}

#[test]
fn a_line_end_at_the_end_of_what_a_private_key_signed_is_named() {
    let mut tried = 0;
    for preset in preset::ALL {
        let covers = match preset.proof {
            Proof::PublicKey => true,
            Proof::Own(own) => matches!(own, Own::PayPal | Own::Composed(_)),
            _ => false,
        };
        if !covers {
            continue;
        }
        tried += 1;
        let sent = send(preset, NOW, false);
        let door = door(vec![gate("in", preset, vec![sent.key.clone()])]);
        let came = Sent { body: format!("{}\r\n", sent.body), ..sent.clone() };
        assert_eq!(
            mistakes(&door, &came.delivery(), &sent),
            [Mistake::LineEnds],
            "{}",
            preset.name
        );
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn whom_it_is_for_is_named_where_it_is_for_somebody_else() {
    for (name, mine) in [
        ("aws-sns", "arn:aws:sns:eu-west-1:1:yours"),
        ("google-pubsub", "push@yours.example"),
        ("fal", "user-2"),
    ] {
        let sent = send(named(name), NOW, false);
        let door = door(vec![gate("in", named(name), vec![key("now", mine)])]);
        let found = likely(&door, &sent.delivery(), &sent);
        assert_eq!(found[0].mistake, Mistake::OtherName, "{name}: {found:?}");
        let theirs = String::from_utf8(sent.key.secret.expose().to_vec()).unwrap();
        assert!(found[0].detail.contains(&theirs), "{name}: {found:?}");
    }
    let sent = send(named("google-pubsub"), NOW, false);
    let other = "https://elsewhere.example/a".to_owned();
    let gate = Gate {
        public_url: Some(other),
        ..gate("in", named("google-pubsub"), vec![sent.key.clone()])
    };
    let found = likely(&door(vec![gate]), &sent.delivery(), &sent);
    assert_eq!(found[0].mistake, Mistake::OtherName);
    assert!(found[0].detail.contains(URL), "{found:?}");
}

#[test]
fn a_certificate_that_is_not_there_or_out_of_its_time_is_named() {
    for name in ["aws-sns", "paypal"] {
        let sent = send(named(name), NOW, false);
        let door = door(vec![gate("in", named(name), vec![sent.key.clone()])]);
        let none = Sent { evidence: None, ..sent.clone() };
        let found = likely(&door, &sent.delivery(), &none);
        assert_eq!(found[0].mistake, Mistake::Certificate, "{name}");
        assert!(found[0].detail.contains("could not be had"), "{found:?}");
        let late = Timestamp::from_unix_ms(4_200_000_000_000);
        let explained = door.explain(&sent.delivery(), late, sent.evidence.as_ref()).unwrap();
        assert_eq!(explained.likely[0].mistake, Mistake::Certificate, "{name}");
        assert!(explained.likely[0].detail.contains("not valid"), "{:?}", explained.likely);
    }
}

#[test]
fn raw_messages_of_sns_are_known_for_unsigned() {
    let sent = send(named("aws-sns"), NOW, false);
    let door = door(vec![gate("in", named("aws-sns"), vec![sent.key.clone()])]);
    let mut raw = Sent { body: r#"{"order":1}"#.into(), ..sent.clone() };
    raw.headers.push(("x-amz-sns-rawdelivery".into(), "true".into()));
    let found = likely(&door, &raw.delivery(), &sent);
    assert_eq!(found[0].mistake, Mistake::Unsigned);
    assert!(found[0].detail.contains("raw message delivery"), "{found:?}");
}

#[test]
fn a_secret_that_was_not_decoded_from_hexadecimal_is_named_for_items_too() {
    let sent = send(named("adyen"), NOW, false);
    let text = "0123456789abcdef0123";
    // The sender uses the text of its key as it stands.
    let items = b"psp::merchant:ref:1000:EUR:AUTHORISATION:true";
    let tag = STANDARD.encode(hmac_sha256(text.as_bytes(), &[items]));
    let door = door(vec![gate("in", named("adyen"), vec![key("now", text)])]);
    let came = sent.with_signature(&tag);
    assert_eq!(mistakes(&door, &came.delivery(), &came), [Mistake::SecretForm]);
}
