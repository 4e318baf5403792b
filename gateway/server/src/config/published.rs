//! A published JSON Schema, and what breaks it, in words that help: unknown keys with the key that
//! was meant, values of the wrong form with what is asked.

use serde_json::Value;
use sluicegate_admission::schema::{Compiled, SchemaFault};
use sluicegate_core::refusal::Violation;

/// A published schema.
pub(super) struct Published {
    schema: Value,
    compiled: Compiled,
}

impl Published {
    /// Compiles the schema.
    pub(super) fn new(schema: Value) -> Result<Self, SchemaFault> {
        let compiled = Compiled::compile(&schema)?;
        Ok(Self { schema, compiled })
    }

    /// In which ways the value breaks the schema, at most `max`.
    pub(super) fn violations(&self, value: &Value, max: usize) -> Vec<Violation> {
        let told = |violation: Violation| {
            let message = match violation.keyword.as_str() {
                "additionalProperties" | "unevaluatedProperties" => {
                    Some(unknown_key(&self.schema, &violation.instance))
                }
                "pattern" | "type" | "anyOf" | "oneOf" => asked(&self.schema, &violation.instance),
                _ => None,
            };
            Violation { message: message.unwrap_or(violation.message), ..violation }
        };
        self.compiled.violations(value, max).into_iter().map(told).collect()
    }
}

fn unknown_key(schema: &Value, pointer: &str) -> String {
    let key = pointer.rsplit('/').next().unwrap_or_default();
    let known = known_keys(schema, pointer);
    let near =
        known.iter().filter(|name| distance(name, key) <= 2).min_by_key(|n| distance(n, key));
    match near {
        Some(near) => format!("unknown key {key:?}: did you mean {near:?}?"),
        None => format!("unknown key {key:?}"),
    }
}

/// The keys that the schema knows at the place above `pointer`.
fn known_keys(schema: &Value, pointer: &str) -> Vec<String> {
    let (above, _) = pointer.rsplit_once('/').unwrap_or_default();
    let properties = node(schema, above).get("properties").and_then(Value::as_object);
    properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

/// What is asked of the value at a place, as the schema describes it; `None` if it does not.
fn asked(schema: &Value, pointer: &str) -> Option<String> {
    let node = node(schema, pointer);
    if let Some(choices) = node.get("oneOf").and_then(Value::as_array) {
        let words: Option<Vec<&str>> =
            choices.iter().map(|one| one.get("const").and_then(Value::as_str)).collect();
        return words.map(|words| format!("this is one of: {}", words.join(", ")));
    }
    let description = node.get("description").and_then(Value::as_str)?;
    node.get("pattern").map(|_| format!("this is not what is asked. {description}"))
}

/// The part of the schema that holds for a place: found by walking the schema along the instance,
/// through references and one level of alternatives.
fn node<'s>(schema: &'s Value, pointer: &str) -> &'s Value {
    let tokens = pointer.split('/').skip(1);
    tokens.fold(resolve(schema, schema), |at, token| step(schema, at, token))
}

fn step<'s>(root: &'s Value, at: &'s Value, token: &str) -> &'s Value {
    let named = at.get("properties").and_then(|properties| properties.get(token));
    let next = named.or_else(|| at.get("additionalProperties")).or_else(|| at.get("items"));
    next.map_or(&Value::Null, |next| resolve(root, next))
}

fn resolve<'s>(root: &'s Value, at: &'s Value) -> &'s Value {
    let alternative = at
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|all| all.iter().find(|one| one.get("$ref").is_some()));
    match alternative.unwrap_or(at).get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => at,
    }
}

/// Levenshtein's distance, for names of a few letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let changed = before + usize::from(x != *y);
            before = *cell;
            left = changed.min(before + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::json_schema;

    #[test]
    fn near_misses_are_suggested() {
        assert_eq!(distance("filters", "filter"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "acb"), 2);
        let unknown_key = |pointer: &str| unknown_key(&json_schema(), pointer);
        let message = unknown_key("/sources/github/verfy");
        assert_eq!(message, "unknown key \"verfy\": did you mean \"verify\"?");
        assert_eq!(unknown_key("/zzzzzzzz"), "unknown key \"zzzzzzzz\"");
        let message = unknown_key("/queues/siem/retry/attempt");
        assert_eq!(message, "unknown key \"attempt\": did you mean \"attempts\"?");
    }
    #[test]
    fn a_value_of_the_wrong_form_is_told_what_is_asked() {
        let asked = |pointer: &str| asked(&json_schema(), pointer);
        assert!(asked("/queues/siem/ttl").unwrap().contains("such as 500ms or 7d"));
        assert!(asked("/queues/siem/order_by").unwrap().contains("attributes.NAME"));
        assert_eq!(
            asked("/queues/siem/when_full").as_deref(),
            Some("this is one of: reject, drop-oldest")
        );
        assert_eq!(asked("/queues/siem"), None);
    }
}
