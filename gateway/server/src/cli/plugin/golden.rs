//! Answers in the shape of a case, and how they are held against one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sluicegate_core::decision::{Decision, Failure, Output, RejectCode};
use sluicegate_core::fields::Fields;
use sluicegate_core::letter::Cause;
use sluicegate_filters::{LoadFault, Said};

use super::suite::Expect;

/// An answer as a case would expect it.
pub(super) fn said(said: &Said) -> Value {
    match said {
        Said::NotAsked => json!({ "unsubscribed": true }),
        Said::Decided(decision) => decided(decision),
        Said::Failed(Failure::Failed(why)) => json!({ "failure": "failed", "reason": why }),
        Said::Failed(Failure::RetryAfter(after)) => {
            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            json!({ "failure": "retry-after", "ms": ms })
        }
        Said::Broke { cause, why } => json!({ "broke": broke(*cause), "reason": why }),
    }
}

/// A refusal to start as a case would expect it; `None` if it is no matter of the configuration.
pub(super) fn refused(fault: &LoadFault) -> Option<Value> {
    match fault {
        LoadFault::Refused { why } => Some(json!({ "refused": why })),
        LoadFault::Start { cause, why } => Some(json!({ "broke": broke(*cause), "reason": why })),
        _ => None,
    }
}

fn broke(cause: Cause) -> &'static str {
    match cause {
        Cause::Trap => "trap",
        Cause::Deadline => "deadline",
        Cause::Memory => "memory",
        Cause::BadDecision => "bad-decision",
        _ => "failed",
    }
}

fn decided(decision: &Decision) -> Value {
    match decision {
        Decision::Next => json!({ "decision": "next" }),
        Decision::Drop(reason) => json!({ "decision": "drop", "reason": reason }),
        Decision::Route(queues) => {
            let queues: Vec<_> = queues.iter().map(ToString::to_string).collect();
            json!({ "decision": "route", "queues": queues })
        }
        Decision::Emit(outputs) => {
            json!({ "decision": "emit", "outputs": outputs.iter().map(output).collect::<Vec<_>>() })
        }
        Decision::Reject(rejection) => {
            let code = reject_word(rejection.code);
            json!({ "decision": "reject", "code": code, "reason": rejection.reason })
        }
        Decision::DeadLetter(reason) => json!({ "decision": "dead-letter", "reason": reason }),
    }
}

fn reject_word(code: RejectCode) -> &'static str {
    match code {
        RejectCode::Invalid => "invalid",
        RejectCode::Unauthenticated => "unauthenticated",
        RejectCode::Forbidden => "forbidden",
        RejectCode::TooLarge => "too-large",
        RejectCode::RateLimited => "rate-limited",
        RejectCode::Unavailable => "unavailable",
    }
}

fn output(output: &Output) -> Value {
    let mut said = Map::new();
    let mut set = |name: &str, value: Value| said.insert(name.to_owned(), value);
    if !output.queues.is_empty() {
        let queues: Vec<_> = output.queues.iter().map(ToString::to_string).collect();
        set("queues", json!(queues));
    }
    if let Some(kind) = &output.kind {
        set("type", json!(kind));
    }
    if let Some(content_type) = &output.content_type {
        set("content-type", json!(content_type));
    }
    for (name, fields) in
        [("set-attributes", &output.set_attributes), ("set-headers", &output.set_headers)]
    {
        if !fields.is_empty() {
            set(name, named(fields));
        }
    }
    if !output.remove.is_empty() {
        set("remove", json!(output.remove));
    }
    match output.payload.as_deref().map(|payload| (payload, std::str::from_utf8(payload))) {
        None => {}
        Some((_, Ok(text))) => {
            set("text", json!(text));
        }
        Some((payload, Err(_))) => {
            set("base64", json!(STANDARD.encode(payload)));
        }
    }
    Value::Object(said)
}

fn named(fields: &Fields) -> Value {
    fields.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

/// Holds an answer against what a case expects. What a decision has beside is not compared, but
/// for `emit`: there, what is not expected must not be.
pub(super) fn is_as_expected(expect: &Expect, said: &Value) -> bool {
    let Ok(Value::Object(expected)) = serde_json::to_value(expect) else { return false };
    let in_part = ["failure", "broke"].iter().any(|word| said.get(word).is_some());
    expected.iter().all(|(name, wanted)| {
        let Some(got) = said.get(name) else { return false };
        match (name.as_str(), wanted, got) {
            ("reason", Value::String(part), Value::String(whole)) if in_part => {
                whole.contains(part.as_str())
            }
            ("refused", Value::String(part), Value::String(whole)) => whole.contains(part.as_str()),
            ("outputs", Value::Array(wanted), Value::Array(got)) => {
                wanted.len() == got.len()
                    && wanted.iter().zip(got).all(|(wanted, got)| is_same(wanted, got))
            }
            _ => wanted == got,
        }
    })
}

/// Whether two outputs are the same, payloads in the form in which the case has them.
fn is_same(wanted: &Value, got: &Value) -> bool {
    let text = got.get("text").and_then(Value::as_str);
    let mut got = got.clone();
    let (Some(said), Some(wanted_map)) = (got.as_object_mut(), wanted.as_object()) else {
        return false;
    };
    if wanted_map.contains_key("json")
        && let Some(value) = text.and_then(|text| serde_json::from_str(text).ok())
    {
        said.remove("text");
        said.insert("json".to_owned(), value);
    }
    if wanted_map.contains_key("base64")
        && let Some(text) = text
    {
        said.remove("text");
        said.insert("base64".to_owned(), json!(STANDARD.encode(text)));
    }
    got == *wanted
}
