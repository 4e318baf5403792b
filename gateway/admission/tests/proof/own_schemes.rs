//! What is particular to the schemes that no template describes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluicegate_admission::{
    Admission, Anchors, Evidence, EvidenceKind, Gate, GateProblem, Key, Needs, Registry, Scheme,
    SignRequest, hmac_sha256, preset, sign,
};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::senders::{BODY, NOW, Sent, URL, certificate, hex, jwt, key, key_set, send};

fn preset_named(name: &str) -> &'static sluicegate_admission::Preset {
    preset::ALL.iter().find(|preset| preset.name == name).unwrap()
}

fn door(name: &str, keys: Vec<Key>) -> Admission {
    let scheme = Scheme::preset(name).unwrap();
    let gate =
        Gate { public_url: Some(URL.into()), ..Gate::new("in".parse().unwrap(), scheme, keys) };
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn judge(door: &Admission, sent: &Sent, at: Timestamp) -> Result<Verified, SignatureFault> {
    let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
    let received = Received::assertion(sent.delivery(), arrival);
    door.verify(&received, sent.evidence.as_ref()).map_err(|refusal| match refusal {
        Refusal::Unverified(fault) => fault,
        other => panic!("{other:?}"),
    })
}

fn sent_by(name: &str) -> (Admission, Sent) {
    let sent = send(preset_named(name), NOW, false);
    (door(name, vec![sent.key.clone()]), sent)
}

/// The idempotency key.
fn dedupe_of(verified: Verified) -> String {
    let (_, _, dedupe) = verified.into_parts();
    dedupe.unwrap().as_str().to_owned()
}

#[test]
fn a_token_of_another_algorithm_is_refused_whatever_it_is_signed_with() {
    let (door, sent) = sent_by("atlassian-connect");
    let token = sent.signature();
    let claims = token.split('.').nth(1).unwrap();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let secret = sent.key.secret.expose().to_vec();
    let mac = |signed: &str| hmac_sha256(&secret, &[signed.as_bytes()]).to_vec();
    for head in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"HS256","crit":["b64"]}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        "{}",
    ] {
        let forged = sent.with_signature(&format!("JWT {}", jwt(head, &claims, mac)));
        let fault = judge(&door, &forged, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Malformed { .. }), "{head}: {fault:?}");
    }
    let unsigned =
        sent.with_signature(&format!("JWT {}", jwt(r#"{"alg":"HS256"}"#, &claims, |_| Vec::new())));
    assert!(judge(&door, &unsigned, NOW).is_err());
    let (pubsub, sent) = sent_by("google-pubsub");
    let confused = jwt(r#"{"alg":"HS256","kid":"r1"}"#, &claims, mac);
    let fault = judge(&pubsub, &sent.with_signature(&format!("Bearer {confused}")), NOW);
    assert!(matches!(fault.unwrap_err(), SignatureFault::Malformed { .. }));
}

#[test]
fn a_token_names_its_request_or_does_not_count() {
    let (door, sent) = sent_by("atlassian-connect");
    let other = Sent { target: "/in?x=2".into(), ..sent.clone() };
    assert_eq!(judge(&door, &other, NOW).unwrap_err(), SignatureFault::Mismatch);
    let token = sent.signature().strip_prefix("JWT ").unwrap().to_owned();
    let mut asked = sent.without_signature();
    asked.target = format!("/in?x=1&jwt={token}");
    assert!(judge(&door, &asked, NOW).is_ok(), "the token may stand in the query");
    let both = Sent { target: asked.target, ..sent };
    assert!(matches!(judge(&door, &both, NOW), Err(SignatureFault::Doubled { .. })));
}

#[test]
fn a_bare_token_and_one_behind_a_word_are_the_same_to_monday() {
    let (door, sent) = sent_by("monday");
    let token = sent.signature().strip_prefix("JWT ").unwrap().to_owned();
    for written in [token.clone(), format!("Bearer {token}"), format!("jwt {token}")] {
        assert!(judge(&door, &sent.with_signature(&written), NOW).is_ok(), "{written}");
    }
    for other in [format!("Basic {token}"), format!("{token} x"), String::new()] {
        assert!(judge(&door, &sent.with_signature(&other), NOW).is_err(), "{other}");
    }
}

#[test]
fn a_token_of_another_issuer_than_the_key_s_is_refused() {
    let (_, mut sent) = sent_by("monday");
    for (issuer, is_taken) in [("me", true), ("somebody else", false)] {
        sent.key.issuer = Some(issuer.to_owned());
        let door = door("monday", vec![sent.key.clone()]);
        assert_eq!(judge(&door, &sent, NOW).is_ok(), is_taken, "{issuer}");
    }
}

#[test]
fn a_token_that_never_ends_or_is_meant_for_others_is_refused() {
    let (door, sent) = sent_by("monday");
    let secret = sent.key.secret.expose().to_vec();
    let with = |claims: &str| {
        let mac = |signed: &str| hmac_sha256(&secret, &[signed.as_bytes()]).to_vec();
        sent.with_signature(&format!("JWT {}", jwt(r#"{"alg":"HS256"}"#, claims, mac)))
    };
    let for_us = |claims: &str| format!(r#"{{"aud":"{URL}"{claims}}}"#);
    for claims in ["", r#","exp":"2000000100""#, r#","exp":2e9"#, r#","exp":-1"#] {
        let fault = judge(&door, &with(&for_us(claims)), NOW).unwrap_err();
        assert_eq!(fault, SignatureFault::MalformedTime, "{claims}");
    }
    assert!(judge(&door, &with(&for_us(r#","exp":2000000060"#)), NOW).is_ok());
    let early = with(&for_us(r#","exp":2000009999,"nbf":2000000061"#));
    assert!(matches!(judge(&door, &early, NOW), Err(SignatureFault::Future { .. })));
    for other in [r#"{"exp":2000000060}"#, r#"{"exp":2000000060,"aud":"https://other.example/"}"#] {
        let fault = judge(&door, &with(other), NOW).unwrap_err();
        assert_eq!(fault, SignatureFault::Mismatch, "{other}");
    }
}

#[test]
fn a_certificate_counts_only_within_its_time_for_its_name_and_with_its_chain() {
    for name in ["aws-sns", "paypal"] {
        let (door, sent) = sent_by(name);
        assert!(judge(&door, &sent, NOW).is_ok());
        for at in [1_700_000_000_000, 4_200_000_000_000] {
            let fault = judge(&door, &sent, Timestamp::from_unix_ms(at)).unwrap_err();
            assert!(matches!(fault, SignatureFault::Certificate { .. }), "{name}: {fault:?}");
        }
        let none = Sent { evidence: None, ..sent.clone() };
        let fault = judge(&door, &none, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Certificate { .. }), "{name}: {fault:?}");
        let keys = Sent { evidence: Some(key_set()), ..sent };
        assert!(judge(&door, &keys, NOW).is_err(), "{name}");
    }
    let (door, mut sent) = sent_by("paypal");
    let pem = include_bytes!("../keys/signer.pem");
    sent.evidence = Evidence::read(EvidenceKind::Certificate, pem, &Anchors::web());
    let fault = judge(&door, &sent, NOW).unwrap_err();
    assert!(fault.to_string().contains("no chain"), "{fault}");
    let root = include_bytes!("../keys/root.pem");
    for name in ["aws-sns", "paypal"] {
        let (door, mut sent) = sent_by(name);
        let anchors = Anchors::pem(include_str!("../keys/root.pem")).unwrap();
        sent.evidence = Evidence::read(EvidenceKind::Certificate, root, &anchors);
        let fault = judge(&door, &sent, NOW).unwrap_err();
        assert!(fault.to_string().contains("another name"), "{name}: {fault}");
    }
    assert!(certificate().good_until().is_some());
}

#[test]
fn where_a_certificate_lies_is_pinned_before_anyone_is_called() {
    let (door, sent) = sent_by("paypal");
    let needs = door.needs(&sent.delivery()).unwrap();
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-1".to_owned();
    assert_eq!(needs, Needs::Fetched { kind: EvidenceKind::Certificate, url });
    for bad in [
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/../../evil",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=y",
        "https://api.paypal.com@evil.example/v1/notifications/x",
        "https://api.paypal.com/v1/notifications/",
    ] {
        let mut strange = sent.clone();
        for (name, value) in &mut strange.headers {
            if name == "paypal-cert-url" {
                *value = bad.into();
            }
        }
        assert!(door.needs(&strange.delivery()).is_err(), "{bad}");
        assert!(judge(&door, &strange, NOW).is_err(), "{bad}");
    }
}

#[test]
fn what_costs_much_is_said_before_it_is_done() {
    for (name, needs) in [
        ("github", Needs::Nothing),
        ("stripe", Needs::Nothing),
        ("mailgun", Needs::Nothing),
        ("discord", Needs::Thread),
        ("sendgrid", Needs::Thread),
        ("paddle-classic", Needs::Thread),
    ] {
        let (door, sent) = sent_by(name);
        assert_eq!(door.needs(&sent.delivery()), Ok(needs), "{name}");
    }
    for name in ["aws-sns", "paypal", "google-pubsub", "fal"] {
        let (door, sent) = sent_by(name);
        let needs = door.needs(&sent.delivery()).unwrap();
        assert!(matches!(needs, Needs::Fetched { .. }), "{name}");
    }
}

#[test]
fn shared_secrets_and_public_keys_live_side_by_side() {
    let preset = preset_named("standard-webhooks");
    let shared = key("shared", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let public = ring::signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let public = key("public", &format!("whpk_{}", text(&public)));
    let sent = send(preset, NOW, false);
    let message = format!("msg_1.{}.{BODY}", NOW.unix_ms() / 1000);
    let v1a = format!("v1a,{}", text(pair.sign(message.as_bytes()).as_ref()));
    let both = door("standard-webhooks", vec![shared.clone(), public.clone()]);
    assert_eq!(both.needs(&sent.delivery()), Ok(Needs::Thread));
    let matched = |door: &Admission, signature: &str| {
        let verified = judge(door, &sent.with_signature(signature), NOW)?;
        Ok::<_, SignatureFault>(verified.verdict().key.as_ref().unwrap().to_string())
    };
    let v1 = sent.signature();
    assert_eq!(matched(&both, &v1).as_deref(), Ok("shared"));
    assert_eq!(matched(&both, &v1a).as_deref(), Ok("public"));
    assert_eq!(matched(&both, &format!("v1,AAAA {v1a}")).as_deref(), Ok("public"));
    let only = |key: &Key| door("standard-webhooks", vec![key.clone()]);
    assert!(matched(&only(&shared), &v1a).is_err(), "a kind without a key does not count");
    assert!(matched(&only(&public), &v1).is_err(), "a kind without a key does not count");
}

#[test]
fn every_item_of_adyen_must_hold_and_together_they_are_one_delivery() {
    let (door, sent) = sent_by("adyen");
    let dedupe = |sent: &Sent| judge(&door, sent, NOW).map(dedupe_of);
    let one = dedupe(&sent).unwrap();
    let start = sent.body.find("{\"NotificationRequestItem").unwrap();
    let item = &sent.body[start..sent.body.len() - 2];
    let double = |second: &str| {
        let body = format!("{},{second}]}}", &sent.body[..sent.body.len() - 2]);
        Sent { body, ..sent.clone() }
    };
    assert_ne!(dedupe(&double(item)).unwrap(), one);
    let forged = item.replace("1000", "9000");
    assert_eq!(dedupe(&double(&forged)), Err(SignatureFault::Mismatch));
    let unsigned = item.replace("hmacSignature", "other");
    assert!(matches!(dedupe(&double(&unsigned)), Err(SignatureFault::Missing { .. })));
    let none = Sent { body: r#"{"notificationItems":[]}"#.into(), ..sent.clone() };
    assert!(dedupe(&none).is_err());
}

#[test]
fn a_token_that_is_signed_without_its_payload_comes_once() {
    let (door, sent) = sent_by("mailgun");
    let other = Sent { body: sent.body.replace("opened", "complained"), ..sent.clone() };
    let key = |sent: &Sent| dedupe_of(judge(&door, sent, NOW).unwrap());
    assert_eq!(key(&sent), key(&other), "another payload with the same token is a repetition");
    let (door, sent) = sent_by("paypal");
    assert_eq!(dedupe_of(judge(&door, &sent, NOW).unwrap()), "t-1");
}

#[test]
fn a_form_is_signed_field_by_field_and_anything_else_by_its_hash() {
    let (door, sent) = sent_by("twilio");
    for (target, body, media, verifies) in [
        ("/in?x=1", "a=1%20x&type=t&b=2", "application/x-www-form-urlencoded", true),
        ("/in?x=1", "b=2&a=1%20x&type=u", "application/x-www-form-urlencoded", false),
        ("/in?x=1", "b=2&a=1%20x&type=t&c=", "application/x-www-form-urlencoded", false),
        ("/in?x=1", "b=2&a=1%20x&type=t", "application/json", false),
        ("/in?x=1", "", "application/json", false),
    ] {
        let mut sent = Sent { target: target.into(), body: body.into(), ..sent.clone() };
        sent.headers[0].1 = media.into();
        assert_eq!(judge(&door, &sent, NOW).is_ok(), verifies, "{body} {media}");
    }
}

#[test]
fn the_older_ways_of_hubspot_are_keyed_hashes_and_not_hmacs() {
    let door = door("hubspot-v1", vec![key("k", "It's a Secret to Everybody")]);
    let tag = hmac_sha256(b"It's a Secret to Everybody", &[BODY.as_bytes()]);
    let sent = send(preset_named("hubspot-v1"), NOW, false);
    assert!(judge(&door, &sent, NOW).is_ok());
    assert!(judge(&door, &sent.with_signature(&hex(&tag)), NOW).is_err());
}

#[test]
fn a_text_that_the_handshake_signs_is_no_event() {
    let (door, sent) = sent_by("twitter");
    let scheme = Scheme::preset("twitter").unwrap();
    for body in ["abc123", "dG9rZW4=", "a"] {
        let request = SignRequest {
            body: body.as_bytes(),
            id: "",
            now: NOW,
            url: URL,
            method: "POST",
            kind: "",
        };
        let headers = sign(&scheme, &sent.key, request).unwrap();
        let forged = Sent { headers, body: body.into(), ..sent.clone() };
        let fault = judge(&door, &forged, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Malformed { .. }), "{body}");
    }
}

#[test]
fn keys_that_are_none_are_faults_of_the_configuration() {
    let gate = |name: &str, secret: &str| {
        let scheme = Scheme::preset(name).unwrap();
        let gate = Gate {
            public_url: Some(URL.into()),
            ..Gate::new("in".parse().unwrap(), scheme, vec![key("k", secret)])
        };
        Admission::build(vec![gate], Registry::empty())
            .err()
            .map(|faults| faults[0].problem.clone())
    };
    for (name, secret) in [
        ("discord", "not hexadecimal"),
        ("discord", "d75a98"),
        ("sendgrid", "AAAA"),
        ("paddle-classic", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        ("standard-webhooks", "whpk_AAAA"),
        ("aws-sns", ""),
        ("paypal", ""),
        ("mailgun", "short"),
        ("adyen", "no hex"),
        ("google-pubsub", ""),
    ] {
        let problem = gate(name, secret);
        assert!(matches!(problem, Some(GateProblem::Key { .. })), "{name}: {problem:?}");
    }
    for scheme in ["contentful", "google-pubsub", "twilio", "square"] {
        let scheme = Scheme::preset(scheme).unwrap();
        let gate = Gate::new("in".parse().unwrap(), scheme, vec![key("k", "a long secret")]);
        let faults = Admission::build(vec![gate], Registry::empty()).err().unwrap();
        assert_eq!(faults[0].problem, GateProblem::NeedsPublicUrl);
    }
}

#[test]
fn a_release_is_judged_by_the_certificate_as_of_the_arrival() {
    for name in ["aws-sns", "paypal"] {
        let (door, sent) = sent_by(name);
        let long_after = Timestamp::from_unix_ms(4_200_000_000_000);
        let late = |at: Timestamp, evidence: Option<&Evidence>| {
            let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
            let received = Received::stored(sent.delivery(), arrival);
            door.verify_late(&received, evidence, long_after)
        };
        assert!(late(NOW, sent.evidence.as_ref()).is_ok(), "{name}: it was good when it came");
        assert!(late(long_after, sent.evidence.as_ref()).is_err(), "{name}: it was not any more");
        assert!(late(NOW, None).is_err(), "{name}: it must be had again");
    }
}
