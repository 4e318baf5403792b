//! Every preset against the ways in which a delivery can be wrong.

use std::time::Duration;

use proptest::prelude::*;
use sluicegate_admission::{
    Admission, Encoding, Form, Gate, GenericHmac, Key, Layout, Own, Preset, Proof, Registry,
    Scheme, SignRequest, TimeFrom, preset, sign,
};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::senders::{BODY, NOW, Sent, Spot, URL, key, send};

fn gate(scheme: Scheme, keys: Vec<Key>) -> Gate {
    Gate { public_url: Some(URL.into()), ..Gate::new("in".parse().unwrap(), scheme, keys) }
}

fn admission(gate: Gate) -> Admission {
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn signed(scheme: &Scheme, key: &Key, now: Timestamp) -> Vec<(String, String)> {
    let body = BODY.as_bytes();
    let request = SignRequest { body, id: "msg_1", now, url: URL, method: "POST", kind: "thing" };
    sign(scheme, key, request).unwrap()
}

/// Verifies as the gateway does.
fn judge(admission: &Admission, sent: &Sent, at: Timestamp) -> Result<Verified, SignatureFault> {
    let delivery = sent.delivery();
    let fault = |refusal| match refusal {
        Refusal::Unverified(fault) => fault,
        other => panic!("{other:?}"),
    };
    admission.needs(&delivery).map_err(fault)?;
    let arrival = Arrival { id: EventId::new(at, 1), at, steady: at };
    let received = Received::assertion(delivery, arrival);
    admission.verify(&received, sent.evidence.as_ref()).map_err(fault)
}

fn verify(
    admission: &Admission,
    headers: &[(String, String)],
    body: &str,
    at: Timestamp,
) -> Result<Verified, SignatureFault> {
    let sent = Sent {
        headers: headers.to_vec(),
        target: "/in?x=1".into(),
        body: body.into(),
        evidence: None,
        key: key("unused", "unused"),
        spot: Spot::Header(""),
    };
    judge(admission, &sent, at)
}

fn gate_for(preset: &'static Preset, sent: &Sent) -> Admission {
    admission(gate(Scheme::Preset(preset), vec![sent.key.clone()]))
}

/// Each preset with its gate, and what it would send.
fn each_preset(check: impl Fn(&'static Preset, &Admission, Sent)) {
    for preset in preset::ALL {
        let sent = send(preset, NOW, false);
        check(preset, &gate_for(preset, &sent), sent);
    }
}

#[test]
fn what_a_provider_signs_is_verified_and_its_credentials_stay_at_the_door() {
    each_preset(|preset, admission, mut sent| {
        sent.headers.push(("Cookie".into(), "a=b".into()));
        sent.headers.push(("X-Kept".into(), "yes".into()));
        let verified = judge(admission, &sent, NOW);
        let verified = verified.unwrap_or_else(|fault| panic!("{}: {fault}", preset.name));
        let verdict = verified.verdict();
        let key = verdict.key.as_ref().unwrap().as_str();
        assert_eq!((verdict.scheme.as_str(), key), (preset.name, "now"));
        assert_eq!(verdict.skew_ms, preset.signs_time().then_some(0), "{}", preset.name);
        let event = verified.event();
        assert_eq!(event.payload, sent.body);
        assert_eq!(event.headers.first("x-kept"), Some("yes"));
        for private in preset.headers.iter().chain(&["authorization", "cookie"]) {
            assert_eq!(event.headers.first(private), None, "{}: {private}", preset.name);
        }
    });
}

#[test]
fn a_missing_doubled_or_empty_signature_is_refused() {
    use SignatureFault::{Doubled, Malformed, Missing};
    each_preset(|preset, admission, sent| {
        let fault = |sent: Sent| judge(admission, &sent, NOW).unwrap_err();
        let name = preset.name;
        let found = fault(sent.without_signature());
        assert!(matches!(found, Missing { .. }), "{name}: {found:?}");
        let found = fault(sent.with_doubled_signature());
        let ambiguous = match sent.spot {
            Spot::Header(_) | Spot::Form(_) => matches!(found, Doubled { .. }),
            // A document or a query with a name twice says nothing at all.
            Spot::Json(_) => matches!(found, Malformed { .. }),
            Spot::Query(_) => matches!(found, Missing { .. }),
        };
        assert!(ambiguous, "{name}: {found:?}");
        let found = fault(sent.with_signature(""));
        assert!(matches!(found, Malformed { .. }), "{name}: {found:?}");
    });
}

/// Whether the payload itself is signed.
fn covers_payload(preset: &Preset) -> bool {
    match preset.proof {
        Proof::Hmac | Proof::PublicKey => true,
        Proof::Token(_) => false,
        Proof::Own(own) => own.covers_payload(),
    }
}

#[test]
fn a_changed_body_or_another_key_does_not_verify() {
    each_preset(|preset, admission, sent| {
        if covers_payload(preset) {
            for (old, new) in [("t", "u"), ("hi", "ho"), ("1", "2"), ("}", "} "), ("a", "A")] {
                let mut changed = sent.clone();
                changed.body = sent.body.replacen(old, new, 1);
                let same = changed.body == sent.body;
                let read = judge(admission, &changed, NOW);
                // White space between the members of a message of SNS is not signed.
                let unsigned = preset.proof == Proof::Own(Own::Sns) && old == "}";
                assert!(same || unsigned || read.is_err(), "{}: {old} {new}", preset.name);
            }
        }
        let forged = send(preset, NOW, true);
        let forged = Sent { key: sent.key.clone(), ..forged };
        let by_key = matches!(preset.proof, Proof::PublicKey);
        let fresh = if by_key { &gate_for(preset, &send(preset, NOW, false)) } else { admission };
        let fault = judge(fresh, &forged, NOW).unwrap_err();
        assert_eq!(fault, SignatureFault::Mismatch, "{}", preset.name);
    });
}

#[test]
fn malformed_truncated_and_wrongly_cased_signatures_are_refused() {
    each_preset(|preset, admission, sent| {
        let value = sent.signature();
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
            "a.b.c".into(),
            "Bearer ..".into(),
            "x".repeat(10_000),
        ] {
            let listed = preset.layout != &Layout::Single
                || value.starts_with("JWT ")
                || value.starts_with("Bearer ");
            if listed && bad.trim() == value {
                // A list lets spaces between its entries pass, and an authorization at its end.
                continue;
            }
            let read = judge(admission, &sent.with_signature(&bad), NOW);
            assert!(read.is_err(), "{}: {bad:?}", preset.name);
        }
        if let Some(form) = preset.forms.first().filter(|form| !form.prefix.is_empty()) {
            let shouted = value.replace(form.prefix.as_ref(), &form.prefix.to_uppercase());
            let read = judge(admission, &sent.with_signature(&shouted), NOW);
            assert!(read.is_err(), "{}", preset.name);
        }
    });
}

#[test]
fn the_case_of_header_names_means_nothing_and_lookalikes_are_other_names() {
    each_preset(|preset, admission, sent| {
        let mut shouted = sent.clone();
        shouted.headers.iter_mut().for_each(|(name, _)| *name = name.to_uppercase());
        assert!(judge(admission, &shouted, NOW).is_ok(), "{}", preset.name);
        let Spot::Header(name) = sent.spot else { return };
        for (plain, alike) in [("s", "ſ"), ("k", "\u{212a}"), ("i", "ı"), ("-", "‐")] {
            let mut strange = sent.clone();
            let header = strange.headers.iter_mut().find(|(own, _)| own == name).unwrap();
            header.0 = name.replacen(plain, alike, 1);
            let unchanged = header.0 == name;
            assert!(
                unchanged || judge(admission, &strange, NOW).is_err(),
                "{}: {alike}",
                preset.name
            );
        }
    });
}

#[test]
fn stale_and_future_times_are_refused() {
    for preset in preset::ALL.iter().filter(|preset| preset.signs_time()) {
        let sent = send(preset, NOW, false);
        let admission = gate_for(preset, &sent);
        let judge_at = |at: Timestamp| judge(&admission, &sent, at);
        let second = Duration::from_secs(1);
        if let Some(rule) = preset.time {
            assert!(judge_at(NOW.plus(rule.past)).is_ok(), "{}", preset.name);
            let late = judge_at(NOW.plus(rule.past + second)).unwrap_err();
            assert!(matches!(late, SignatureFault::Stale { .. }), "{}: {late:?}", preset.name);
        }
        let late = judge_at(NOW.plus(Duration::from_secs(2 * 3600))).unwrap_err();
        assert!(matches!(late, SignatureFault::Stale { .. }), "{}: {late:?}", preset.name);
        let before = Timestamp::from_unix_ms(NOW.unix_ms() - 301_000);
        let early = judge_at(before).unwrap_err();
        assert!(matches!(early, SignatureFault::Future { .. }), "{}: {early:?}", preset.name);
    }
}

#[test]
fn the_time_of_an_old_delivery_cannot_be_moved() {
    let later = NOW.plus(Duration::from_secs(7200));
    for preset in preset::ALL.iter().filter(|preset| preset.proof == Proof::Hmac) {
        let Some(rule) = preset.time else { continue };
        if matches!(rule.from, TimeFrom::Pointer(_)) {
            continue;
        }
        let (old, moved) = (send(preset, NOW, false), send(preset, later, false));
        let mut mixed = old.clone();
        mixed.headers = mix_time(preset, &old.headers, &moved.headers);
        let fault = judge(&gate_for(preset, &old), &mixed, later).unwrap_err();
        assert_eq!(fault, SignatureFault::Mismatch, "{}", preset.name);
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
                Layout::Pairs { separator, .. } if signature => {
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
        let sent = send(preset, NOW, false);
        let admission = gate_for(preset, &sent);
        let mut without = sent.clone();
        without.headers.retain(|(name, _)| name != names[0].as_ref());
        let fault = judge(&admission, &without, NOW).unwrap_err();
        assert!(matches!(fault, SignatureFault::Missing { .. }), "{}", preset.name);
        let mut doubled = sent.clone();
        doubled.headers.push((names[0].to_string(), "1".into()));
        let fault = judge(&admission, &doubled, NOW).unwrap_err();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_signature_and_no_body_makes_any_preset_panic_or_pass(
        value in "[ -~\u{80}-\u{2ff}]{0,90}",
        prefix in prop::sample::select(vec![
            "", "v1=", "sha256=", "v1,", "v1a,", "t=2000000000,v1=", "ts=2000000000;h1=", "JWT a.b.",
        ]),
        body in ".{0,60}",
    ) {
        for preset in preset::ALL {
            let sent = send(preset, NOW, false);
            let admission = gate_for(preset, &sent);
            let forged = sent.with_signature(&format!("{prefix}{value}"));
            prop_assert!(judge(&admission, &forged, NOW).is_err(), "{}", preset.name);
            if covers_payload(preset) {
                let other = Sent { body: body.clone(), ..sent };
                prop_assert!(judge(&admission, &other, NOW).is_err(), "{}", preset.name);
            }
        }
    }
}
