//! Answers in the shape of a case, and how they are held against one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluicegate_filters::LoadFault;

use super::suite::Expect;
use crate::said::broke;
pub(super) use crate::said::said;

/// A refusal to start as a case would expect it; `None` if it is no matter of the configuration.
pub(super) fn refused(fault: &LoadFault) -> Option<Value> {
    match fault {
        LoadFault::Refused { why } => Some(json!({ "refused": why })),
        LoadFault::Start { cause, why } => Some(json!({ "broke": broke(*cause), "reason": why })),
        _ => None,
    }
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
