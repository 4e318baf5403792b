//! Payloads against the schemas of the house, through both steps of admission.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_admission::{
    Admission, Fact, FactsOverride, Gate, Judged, Key, OnUnknown, OnViolation, Registry,
    SchemaRule, Scheme, SignRequest, VIOLATIONS_ATTRIBUTE, sign,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::ids::EventId;
use sluicegate_core::letter::Cause;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::{Refusal, Violation};
use sluicegate_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
const EVENTS: [&str; 6] =
    ["push", "pull_request", "issues", "code_scanning_alert", "dependabot_alert", "ping"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn delivery_of(event: &str) -> Vec<u8> {
    fs::read(root().join(format!("tests/fixtures/github/{event}.json"))).unwrap()
}

fn rule(on_unknown: OnUnknown, on_violation: OnViolation) -> SchemaRule {
    SchemaRule { subject: "github.{type}".into(), on_unknown, on_violation }
}

/// A GitHub source with the schemas of the house.
fn github(rule: SchemaRule) -> Admission {
    let registry = Registry::from_folder(&root().join("schemas/payloads")).unwrap();
    let gate = Gate {
        schema: Some(rule),
        ..Gate::new("github".parse().unwrap(), Scheme::preset("github").unwrap(), vec![key()])
    };
    Admission::build(vec![gate], registry).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn key() -> Key {
    Key::new("k".parse().unwrap(), "It's a Secret to Everybody".into())
}

fn post(admission: &Admission, kind: &str, media: &str, body: &[u8]) -> Result<Judged, Refusal> {
    admission.validate(verified(admission, kind, media, body)?)
}

fn verified(
    admission: &Admission,
    kind: &str,
    media: &str,
    body: &[u8],
) -> Result<Verified, Refusal> {
    let request = SignRequest { body, id: "d-1", now: NOW, url: "", method: "POST", kind };
    let mut headers = sign(&Scheme::preset("github").unwrap(), &key(), request).unwrap();
    headers.push(("content-type".into(), media.into()));
    let delivery = Delivery {
        source: "github".parse().unwrap(),
        method: "POST".into(),
        target: "/hooks/github".into(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        body: Bytes::copy_from_slice(body),
        peer: None,
        transport: Transport::default(),
    };
    let arrival = Arrival { id: EventId::new(NOW, 7), at: NOW, steady: NOW };
    admission.verify(&Received::assertion(delivery, arrival), None)
}

fn post_json(admission: &Admission, kind: &str, body: &[u8]) -> Result<Judged, Refusal> {
    post(admission, kind, "application/json", body)
}

fn violations(result: Result<Judged, Refusal>) -> Vec<Violation> {
    match result {
        Err(Refusal::Invalid { violations }) => violations,
        other => panic!("{other:?}"),
    }
}

fn form(payload: &[u8]) -> Vec<u8> {
    let mut form = b"payload=".to_vec();
    payload.iter().for_each(|byte| form.extend(format!("%{byte:02X}").bytes()));
    form
}

#[test]
fn what_github_sends_keeps_to_the_schemas_of_the_house() {
    let admission = github(rule(OnUnknown::Reject, OnViolation::Reject));
    for event in EVENTS {
        let body = delivery_of(event);
        let judged = post_json(&admission, event, &body)
            .unwrap_or_else(|refusal| panic!("{event}: {refusal:?}"));
        let verdict = judged.validated.verdict();
        let schema = verdict.schema.as_ref().unwrap();
        assert_eq!((schema.subject.as_str(), schema.version), (&*format!("github.{event}"), 1));
        assert_eq!(judged.validated.event().kind, event);
        assert_eq!(judged.validated.event().payload, body);
        assert_eq!(judged.letter, None);
        let (_, _, dedupe) = judged.validated.into_parts();
        assert_eq!(dedupe.unwrap().as_str(), "d-1");
    }
}

#[test]
fn a_form_is_judged_by_the_json_within_and_kept_byte_for_byte() {
    let admission = github(rule(OnUnknown::Reject, OnViolation::Reject));
    let media = "application/x-www-form-urlencoded";
    for event in EVENTS {
        let body = form(&delivery_of(event));
        let judged = post(&admission, event, media, &body).unwrap();
        assert_eq!(judged.validated.event().payload, body);
        assert!(judged.json.value(judged.validated.event()).unwrap().is_object(), "{event}");
    }
    for bad in [&b"payload={"[..], b"other={}", b"payload={}&payload={}", b"payload=%zz", b""] {
        let told = violations(post(&admission, "ping", media, bad));
        assert!(told.iter().any(|one| one.keyword == "json"), "{bad:?}: {told:?}");
    }
}

#[test]
fn a_delivery_without_a_required_field_or_with_another_type_is_refused_at_its_place() {
    let admission = github(rule(OnUnknown::Accept, OnViolation::Reject));
    for event in EVENTS {
        let original: Value = serde_json::from_slice(&delivery_of(event)).unwrap();
        let Value::Object(fields) = &original else { panic!("{event}") };
        let schema =
            fs::read(root().join(format!("schemas/payloads/github.{event}.json"))).unwrap();
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        for name in schema.get("required").and_then(Value::as_array).unwrap() {
            let name = name.as_str().unwrap();
            let mut less = fields.clone();
            less.remove(name).unwrap();
            let told = violations(post_json(&admission, event, json!(less).to_string().as_bytes()));
            assert_eq!((told.len(), told.first().unwrap().keyword.as_str()), (1, "required"));
            let mut other = fields.clone();
            other.insert(name.into(), json!([{"not": "it"}]));
            let told =
                violations(post_json(&admission, event, json!(other).to_string().as_bytes()));
            let at = format!("/{name}");
            assert!(told.iter().all(|one| one.instance.starts_with(&at)), "{event}: {told:?}");
        }
    }
}

#[test]
fn what_is_not_json_where_a_schema_judges_is_refused_with_the_keyword_json() {
    let admission = github(rule(OnUnknown::Accept, OnViolation::Reject));
    let deep = "[".repeat(10_000).into_bytes();
    let deep_closed = [r#"{"a":"#.repeat(10_000), "1".into(), "}".repeat(10_000)].concat();
    let bodies: [(&[u8], &str); 7] = [
        (b"", "EOF"),
        (b"{", "EOF"),
        (b"ref=refs/heads/main", "expected"),
        (b"\xff\xfe{}", "expected"),
        (br#"{"ref":"a","ref":"b"}"#, "twice"),
        (&deep, "recursion limit"),
        (deep_closed.as_bytes(), "recursion limit"),
    ];
    for (body, why) in bodies {
        let told = violations(post_json(&admission, "push", body));
        let first = told.first().unwrap();
        assert_eq!((told.len(), first.keyword.as_str(), first.instance.as_str()), (1, "json", ""));
        assert!(first.message.contains(why), "{}", first.message);
    }
}

#[test]
fn a_body_that_is_not_json_passes_where_no_schema_judges() {
    let admission = github(rule(OnUnknown::Accept, OnViolation::Reject));
    let judged = post_json(&admission, "star", b"\xff\x00").unwrap();
    assert_eq!(judged.validated.verdict().schema, None);
    assert_eq!(judged.json.value(judged.validated.event()), None);
}

#[test]
fn an_unknown_subject_is_accepted_or_refused_as_the_rule_says() {
    let strict = github(rule(OnUnknown::Reject, OnViolation::Reject));
    for kind in ["star", "../../etc/passwd", "push\u{0}", "PUSH", ""] {
        match post_json(&strict, kind, b"{}") {
            Err(Refusal::NoSchema { subject }) => assert!(subject.starts_with("github.")),
            other => panic!("{kind}: {other:?}"),
        }
    }
}

#[test]
fn a_violation_is_dead_lettered_or_tagged_as_the_rule_says() {
    let secret = br#"{"zen":5,"hook_id":"SECRET"}"#;
    let admission = github(rule(OnUnknown::Accept, OnViolation::DeadLetter));
    let letter = post_json(&admission, "ping", secret).unwrap().letter.unwrap();
    assert_eq!(letter.cause, Cause::Violation);
    assert!(letter.reason.starts_with("payload breaks schema github.ping version 1 in 3 way(s)"));
    assert!(!letter.reason.contains("SECRET"), "{}", letter.reason);
    let admission = github(rule(OnUnknown::Accept, OnViolation::Tag));
    let judged = post_json(&admission, "ping", secret).unwrap();
    let event = judged.validated.event();
    assert_eq!(event.attributes.first(VIOLATIONS_ATTRIBUTE), Some("3"));
    assert_eq!((&event.payload[..], judged.letter.is_none()), (&secret[..], true));
    let judged = post_json(&admission, "ping", b"not json").unwrap();
    assert_eq!(judged.validated.event().attributes.first(VIOLATIONS_ATTRIBUTE), Some("1"));
}

#[test]
fn routes_and_schema_share_one_parse() {
    let admission = github(rule(OnUnknown::Accept, OnViolation::Reject));
    let judged = post_json(&admission, "push", &delivery_of("push")).unwrap();
    let event = judged.validated.event();
    let first = judged.json.value(event).unwrap();
    assert!(std::ptr::eq(first, judged.json.value(event).unwrap()));
    assert!(first.pointer("/repository/full_name").is_some_and(Value::is_string));
}

#[test]
fn facts_can_be_taken_from_elsewhere() {
    let gate = Gate {
        facts: FactsOverride {
            kind: Some(vec![Fact::Pointer("/k".into())]),
            subject: Some(vec![Fact::Pointer("/repository/full_name".into())]),
            time: Some(vec![Fact::Pointer("/at".into())]),
            dedupe: Some(vec![]),
        },
        ..Gate::new("github".parse().unwrap(), Scheme::preset("github").unwrap(), vec![key()])
    };
    let admission = Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|_| panic!());
    let body = br#"{"k":"x","at":"2023-11-14T22:13:20Z","repository":{"full_name":"a/b"}}"#;
    let judged = post_json(&admission, "push", body).unwrap();
    let event = judged.validated.event();
    assert_eq!((event.kind.as_str(), event.subject.as_deref()), ("x", Some("a/b")));
    assert_eq!(event.time, Some(NOW));
    assert!(judged.validated.into_parts().2.is_none());
}

#[test]
fn a_rule_that_can_never_be_kept_is_refused_when_it_is_built() {
    let with = |subject: &str, on_unknown| {
        let rule =
            SchemaRule { subject: subject.into(), on_unknown, on_violation: OnViolation::Reject };
        let gate =
            Gate { schema: Some(rule), ..Gate::new("s".parse().unwrap(), Scheme::None, vec![]) };
        Admission::build(vec![gate], Registry::empty()).map(|_| ())
    };
    for bad in ["", "a b", "{typ}", "x/{type}", "{type}{type}"] {
        assert!(with(bad, OnUnknown::Accept).is_err(), "{bad}");
    }
    assert!(with("{source}.{type}", OnUnknown::Accept).is_ok());
    // A schema may still be registered: that nothing is taken until then is told elsewhere.
    assert!(with("{source}.{type}", OnUnknown::Reject).is_ok());
    assert!(with("{dataschema}", OnUnknown::Reject).is_ok());
    assert!(with("{dataschema}.x", OnUnknown::Reject).is_err());
}

#[test]
fn what_providers_send_is_judged_where_it_stands_and_what_is_large_is_not() {
    let admission = github(rule(OnUnknown::Reject, OnViolation::Reject));
    let case = |kind: &str, body: &[u8]| {
        let verified = verified(&admission, kind, "application/json", body).unwrap();
        admission.case(verified).unwrap()
    };
    for event in EVENTS {
        assert!(!case(event, &delivery_of(event)).is_long(), "{event}");
    }
    let mut push: Value = serde_json::from_slice(&delivery_of("push")).unwrap();
    let commit = push.pointer("/commits/0").unwrap().clone();
    let mut with = |commits: usize| {
        *push.pointer_mut("/commits").unwrap() = Value::Array(vec![commit.clone(); commits]);
        push.to_string().into_bytes()
    };
    let (some, many) = (with(60), with(2_000));
    assert!(some.len() > 40_000 && !case("push", &some).is_long(), "{}", some.len());
    assert!(case("push", &many).is_long(), "{}", many.len());
    // Long or not, it comes to the same.
    assert!(case("push", &many).judge().is_ok());
    assert!(!case("push", b"no JSON").is_long());
}
