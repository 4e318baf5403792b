//! Every preset against the ways in which a delivery can be wrong.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sluicegate_admission::{
    Admission, Encoding, Form, Gate, GenericHmac, Key, Preset, Registry, Scheme, SecretEncoding,
    SignRequest, TimeFrom, preset, sign,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
const URL: &str = "https://hooks.example/in?x=1";
const BODY: &[u8] = br#"{"type":"t","id":"1","webhookTimestamp":1700000000000}"#;

fn secret_for(encoding: &SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Utf8 => "It's a Secret to Everybody",
        SecretEncoding::Hex => "79a3eaf309c43708726a8c284c0d72618696a12e840dfa1d",
        SecretEncoding::Base64 => "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        SecretEncoding::PrefixedBase64(_) => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
}

fn key(id: &str, secret: &str) -> Key {
    Key::new(id.parse().unwrap(), secret.into())
}

fn key_for(preset: &Preset) -> Key {
    key("now", secret_for(preset.secret))
}

fn gate(scheme: Scheme, keys: Vec<Key>) -> Gate {
    Gate { public_url: Some(URL.into()), ..Gate::new("in".parse().unwrap(), scheme, keys) }
}

fn admission(gate: Gate) -> Admission {
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn signed(scheme: &Scheme, key: &Key, now: Timestamp) -> Vec<(String, String)> {
    let request =
        SignRequest { body: BODY, id: "msg_1", now, url: URL, method: "POST", kind: "thing" };
    sign(scheme, key, request).unwrap()
}

fn verify(
    admission: &Admission,
    headers: &[(String, String)],
    body: &[u8],
    at: Timestamp,
) -> Result<Verified, SignatureFault> {
    let delivery = Delivery {
        source: "in".parse().unwrap(),
        method: "POST".into(),
        target: "/in?x=1".into(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        body: Bytes::copy_from_slice(body),
        peer: None,
        transport: Transport::default(),
    };
    let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
    match admission.verify(Received::assertion(delivery, arrival)) {
        Ok(verified) => Ok(verified),
        Err(Refusal::Unverified(fault)) => Err(fault),
        Err(other) => panic!("{other:?}"),
    }
}

/// Each preset with its gate, its key, and what it would send.
fn each_preset(check: impl Fn(&'static Preset, &Admission, Vec<(String, String)>)) {
    for preset in preset::ALL {
        let scheme = Scheme::preset(preset.name).unwrap();
        let key = key_for(preset);
        let headers = signed(&scheme, &key, NOW);
        check(preset, &admission(gate(scheme, vec![key])), headers);
    }
}

/// The header that carries the signature.
fn signature_of<'h>(
    preset: &Preset,
    headers: &'h mut [(String, String)],
) -> &'h mut (String, String) {
    headers.iter_mut().find(|(name, _)| preset.headers.contains(&name.as_str())).unwrap()
}

#[test]
fn what_a_provider_signs_is_verified_and_its_credentials_stay_at_the_door() {
    each_preset(|preset, admission, mut headers| {
        headers.push(("Authorization".into(), "Bearer x".into()));
        headers.push(("Cookie".into(), "a=b".into()));
        headers.push(("X-Kept".into(), "yes".into()));
        let verified = verify(admission, &headers, BODY, NOW).expect(preset.name);
        let verdict = verified.verdict();
        assert_eq!(
            (verdict.scheme.as_str(), verdict.key.as_ref().unwrap().as_str()),
            (preset.name, "now")
        );
        assert_eq!(verdict.skew_ms, preset.time.map(|_| 0), "{}", preset.name);
        let event = verified.event();
        assert_eq!(event.payload, BODY);
        assert_eq!(event.headers.first("x-kept"), Some("yes"));
        for private in preset.headers.iter().chain(&["authorization", "cookie"]) {
            assert_eq!(event.headers.first(private), None, "{}: {private}", preset.name);
        }
    });
}

#[test]
fn a_missing_doubled_or_empty_signature_is_refused() {
    each_preset(|preset, admission, mut headers| {
        let all = headers.clone();
        let signature = signature_of(preset, &mut headers).clone();
        let without: Vec<_> = all.iter().filter(|one| **one != signature).cloned().collect();
        let fault = verify(admission, &without, BODY, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Missing { .. }), "{}: {fault:?}", preset.name);
        let mut doubled = all.clone();
        doubled.push((signature.0.to_uppercase(), signature.1.clone()));
        let fault = verify(admission, &doubled, BODY, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Doubled { .. }), "{}: {fault:?}", preset.name);
        signature_of(preset, &mut headers).1 = String::new();
        let fault = verify(admission, &headers, BODY, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Malformed { .. }), "{}: {fault:?}", preset.name);
    });
}

#[test]
fn a_changed_body_or_another_secret_does_not_verify() {
    each_preset(|preset, admission, headers| {
        if preset.proof == sluicegate_admission::Proof::Hmac {
            for body in [
                &BODY[..BODY.len() - 1],
                b"",
                br#"{"type":"t","id":"2","webhookTimestamp":1700000000000}"#,
            ] {
                let fault = verify(admission, &headers, body, NOW).unwrap_err();
                assert_eq!(fault, SignatureFault::Mismatch, "{}", preset.name);
            }
        }
        let other = match preset.secret {
            SecretEncoding::Hex => "00".repeat(32),
            SecretEncoding::Utf8 => "another secret".into(),
            _ => "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        };
        let scheme = Scheme::preset(preset.name).unwrap();
        let forged = signed(&scheme, &key("x", &other), NOW);
        let fault = verify(admission, &forged, BODY, NOW).unwrap_err();
        assert_eq!(fault, SignatureFault::Mismatch, "{}", preset.name);
    });
}

#[test]
fn malformed_truncated_and_wrongly_cased_signatures_are_refused() {
    each_preset(|preset, admission, headers| {
        let mut original = headers.clone();
        let value = signature_of(preset, &mut original).1.clone();
        let cut: String = value.chars().take(value.len() - 2).collect();
        for bad in [
            cut,
            format!("{value}00"),
            format!("{value} "),
            format!("{value}\u{200b}"),
            value.chars().rev().collect(),
            "sha256=".into(),
            "=".into(),
            ",,,".into(),
            "t=1,v1".into(),
            "ⅴ1=٣٤".into(),
            "\u{26a0}\u{fe0f}".into(),
            "x".repeat(10_000),
        ] {
            let mut headers = headers.clone();
            signature_of(preset, &mut headers).1.clone_from(&bad);
            let listed = preset.layout != &sluicegate_admission::Layout::Single;
            if listed && bad.trim() == value {
                // A list lets spaces between its entries pass.
                continue;
            }
            assert!(verify(admission, &headers, BODY, NOW).is_err(), "{}: {bad:?}", preset.name);
        }
        if let Some(form) = preset.forms.first().filter(|form| !form.prefix.is_empty()) {
            let mut headers = headers.clone();
            let shouted = value.replace(form.prefix.as_ref(), &form.prefix.to_uppercase());
            signature_of(preset, &mut headers).1 = shouted;
            assert!(verify(admission, &headers, BODY, NOW).is_err(), "{}", preset.name);
        }
    });
}

#[test]
fn stale_and_future_timestamps_are_refused_and_moved_ones_do_not_verify() {
    for preset in preset::ALL.iter().filter(|preset| preset.time.is_some()) {
        let scheme = Scheme::preset(preset.name).unwrap();
        let key = key_for(preset);
        let rule = preset.time.unwrap();
        let headers = signed(&scheme, &key, NOW);
        let admission = admission(gate(scheme.clone(), vec![key.clone()]));
        let second = Duration::from_secs(1);
        assert!(verify(&admission, &headers, BODY, NOW.plus(rule.past)).is_ok(), "{}", preset.name);
        let late = verify(&admission, &headers, BODY, NOW.plus(rule.past + second)).unwrap_err();
        assert!(matches!(late, SignatureFault::Stale { .. }), "{}: {late:?}", preset.name);
        let before = Timestamp::from_unix_ms(NOW.unix_ms() - 301_000);
        let early = verify(&admission, &headers, BODY, before).unwrap_err();
        assert!(matches!(early, SignatureFault::Future { .. }), "{}: {early:?}", preset.name);
        if !matches!(rule.from, TimeFrom::Pointer(_)) {
            // The attacker moves the time of an old delivery to now, but cannot sign it again.
            let moved = signed(&scheme, &key, NOW.plus(Duration::from_secs(7200)));
            let old = signed(&scheme, &key, NOW);
            let mixed = mix_time(preset, &old, &moved);
            let fault = verify(&admission, &mixed, BODY, NOW.plus(Duration::from_secs(7200)));
            assert_eq!(fault.unwrap_err(), SignatureFault::Mismatch, "{}", preset.name);
        }
    }
}

/// The headers of `old` with the time of `moved`.
fn mix_time(
    preset: &Preset,
    old: &[(String, String)],
    moved: &[(String, String)],
) -> Vec<(String, String)> {
    old.iter()
        .zip(moved)
        .map(|((name, old), (_, moved))| {
            let signature = preset.headers.contains(&name.as_str());
            let value = match preset.layout {
                sluicegate_admission::Layout::Pairs { separator, .. } if signature => {
                    let time = moved.split(*separator).next().unwrap();
                    let rest = old.split_once(*separator).unwrap().1;
                    format!("{time}{separator}{rest}")
                }
                _ if signature => old.clone(),
                _ => moved.clone(),
            };
            (name.clone(), value)
        })
        .collect()
}

#[test]
fn malformed_missing_and_doubled_times_are_refused() {
    for preset in preset::ALL {
        let Some(TimeFrom::Header(names)) = preset.time.map(|rule| &rule.from) else { continue };
        let scheme = Scheme::preset(preset.name).unwrap();
        let key = key_for(preset);
        let headers = signed(&scheme, &key, NOW);
        let admission = admission(gate(scheme, vec![key]));
        let without: Vec<_> =
            headers.iter().filter(|(name, _)| name != names[0].as_ref()).cloned().collect();
        let fault = verify(&admission, &without, BODY, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Missing { .. }), "{}", preset.name);
        let mut doubled = headers.clone();
        doubled.push((names[0].to_string(), "1".into()));
        let fault = verify(&admission, &doubled, BODY, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Doubled { .. }), "{}", preset.name);
    }
}

#[test]
fn a_signature_of_a_weaker_kind_does_not_count() {
    let github = admission(gate(
        Scheme::preset("github").unwrap(),
        vec![key("k", "It's a Secret to Everybody")],
    ));
    let websub = Scheme::Generic(Box::new(GenericHmac {
        headers: vec!["x-hub-signature".into()],
        forms: vec![Form::new("sha1=", sluicegate_admission::Algorithm::Sha1, Encoding::Hex)],
        ..GenericHmac::default()
    }));
    let mut headers = signed(&websub, &key("k", "It's a Secret to Everybody"), NOW);
    let fault = verify(&github, &headers, BODY, NOW).unwrap_err();
    assert_eq!(fault, SignatureFault::Missing { header: "x-hub-signature-256".into() });
    headers[0].0 = "x-hub-signature-256".into();
    let fault = verify(&github, &headers, BODY, NOW).unwrap_err();
    assert!(matches!(fault, SignatureFault::Malformed { .. }));
    let stripe = Scheme::preset("stripe").unwrap();
    let key = key("k", "whsec_test_secret");
    let mut headers = signed(&stripe, &key, NOW);
    headers[0].1 = headers[0].1.replace("v1=", "v0=");
    let stripe = admission(gate(stripe, vec![key]));
    assert!(matches!(verify(&stripe, &headers, BODY, NOW), Err(SignatureFault::Malformed { .. })));
}

#[test]
fn both_names_of_one_header_may_be_there_only_if_they_agree() {
    let scheme = Scheme::preset("standard-webhooks").unwrap();
    let key = key("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let headers = signed(&scheme, &key, NOW);
    let admission = admission(gate(scheme, vec![key]));
    let mut both = headers.clone();
    both.extend(
        headers.iter().map(|(name, value)| (name.replace("webhook-", "svix-"), value.clone())),
    );
    assert!(verify(&admission, &both, BODY, NOW).is_ok());
    let mut other = headers.clone();
    other.push(("svix-id".into(), "msg_2".into()));
    let fault = verify(&admission, &other, BODY, NOW).unwrap_err();
    assert_eq!(fault, SignatureFault::Doubled { header: "svix-id".into() });
}

#[test]
fn every_live_key_counts_and_the_verdict_says_which_matched() {
    let scheme = Scheme::preset("github").unwrap();
    let (old, new) = (key("old", "the old secret"), key("new", "the new secret"));
    let mut ending = old.clone();
    ending.not_after = Some(NOW.plus(Duration::from_secs(60)));
    let admission = admission(gate(scheme.clone(), vec![ending, new.clone()]));
    for key in [&old, &new] {
        let verified = verify(&admission, &signed(&scheme, key, NOW), BODY, NOW).unwrap();
        assert_eq!(verified.verdict().key.as_ref(), Some(&key.id));
    }
    let after = NOW.plus(Duration::from_secs(60));
    let fault = verify(&admission, &signed(&scheme, &old, NOW), BODY, after).unwrap_err();
    assert_eq!(fault, SignatureFault::Mismatch);
}

#[test]
fn an_open_source_says_so_and_an_unknown_one_is_no_source() {
    let open = admission(gate(Scheme::None, vec![]));
    let verified = verify(&open, &[], b"\xff\x00", NOW).unwrap();
    assert_eq!((verified.verdict().scheme.as_str(), &verified.verdict().key), ("none", &None));
    assert_eq!(verified.event().kind, "webhook");
    let delivery = Delivery {
        source: "other".parse().unwrap(),
        method: "POST".into(),
        target: "/".into(),
        headers: Fields::new(),
        body: Bytes::new(),
        peer: None,
        transport: Transport::default(),
    };
    let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
    let refusal = open.verify(Received::assertion(delivery, arrival)).unwrap_err();
    assert_eq!(refusal, Refusal::NoSource);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_header_and_no_body_makes_any_preset_panic_or_pass(
        value in "[ -~\u{80}-\u{2ff}]{0,90}",
        prefix in prop::sample::select(vec!["", "v1=", "sha256=", "v1,", "t=1700000000,v1=", "ts=1700000000;h1="]),
        body: Vec<u8>,
    ) {
        for preset in preset::ALL {
            let scheme = Scheme::preset(preset.name).unwrap();
            let admission = admission(gate(scheme, vec![key_for(preset)]));
            let value = format!("{prefix}{value}");
            let times = preset.time.map(|rule| match &rule.from {
                TimeFrom::Header(names) => names.to_vec(),
                _ => Vec::new(),
            });
            let times = times.unwrap_or_default();
            let headers: Vec<_> = preset.headers.iter().chain(preset.id_headers)
                .map(|name| ((*name).to_owned(), value.clone()))
                .chain(times.iter().map(|name| (name.to_string(), value.clone())))
                .collect();
            prop_assert!(verify(&admission, &headers, &body, NOW).is_err(), "{}", preset.name);
        }
    }
}

#[test]
fn what_the_protocol_says_becomes_attributes_and_counts_where_the_sender_says_nothing() {
    let open = admission(gate(Scheme::None, vec![]));
    let transport = Transport {
        attributes: [("mqtttopic", "meters/7")].into_iter().collect(),
        kind: Some("reading".into()),
        subject: Some("meter 7".into()),
        time: Some(NOW),
        dedupe: Some("client 7".into()),
    };
    let delivery = Delivery {
        source: "in".parse().unwrap(),
        method: "PUBLISH".into(),
        target: "meters/7".into(),
        headers: Fields::new(),
        body: Bytes::from_static(b"1"),
        peer: None,
        transport,
    };
    let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
    let verified = open.verify(Received::assertion(delivery, arrival)).unwrap();
    assert_eq!(verified.event().kind, "reading");
    assert_eq!(verified.event().subject.as_deref(), Some("meter 7"));
    assert_eq!(verified.event().time, Some(NOW));
    assert_eq!(verified.event().attributes.first("mqtttopic"), Some("meters/7"));
    let (_, _, dedupe) = verified.into_parts();
    assert_eq!(dedupe.unwrap().as_str(), "client 7");
}
