//! What a plugin says, as JSON: in the shape of a case's `expect`, on the command line and in the
//! API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sluicegate_core::decision::{Decision, Failure, Output, RejectCode};
use sluicegate_core::fields::Fields;
use sluicegate_core::letter::Cause;
use sluicegate_filters::Said;

/// An answer as a case would expect it.
pub(crate) fn said(said: &Said) -> Value {
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

/// A way to break, in the word of a case.
pub(crate) fn broke(cause: Cause) -> &'static str {
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
