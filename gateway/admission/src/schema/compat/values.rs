//! Values: whether two are the same, which of two numbers is larger, and whether a schema without
//! references takes one. No answer where the answer would be a guess.

use std::cmp::Ordering;
use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Number, Value, json};

use crate::schema::document::Draft;
use crate::schema::refs::Node;

/// Whether JSON Schema takes two values for the same: 1 and 1.0 are.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Which of two numbers is larger; `None` if that is not sure.
pub(super) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return Some(a.cmp(&b));
    }
    let exact = |n: &Number| n.as_f64().filter(|number| number.abs() < EXACT);
    exact(a)?.partial_cmp(&exact(b)?)
}

/// Whole numbers below this are exact as floating-point numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether there is a reference, or a name that one may use, anywhere in a schema.
pub(super) fn has_references(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(key, value)| {
            matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef" | "$schema" | "$id")
                || has_references(value)
        }),
        Value::Array(items) => items.iter().any(has_references),
        _ => false,
    }
}

/// Schemas without references, compiled once each.
#[derive(Default)]
pub(super) struct Judges {
    by_address: HashMap<usize, Option<Validator>>,
    patterns: HashMap<String, Option<Validator>>,
}

impl Judges {
    /// Whether a schema takes a value; `None` if it cannot be asked.
    pub(super) fn takes(&mut self, schema: Node<'_>, value: &Value, formats: bool) -> Option<bool> {
        // To draft 4, 1 and 1.0 are the same value and of two types: asking with one is not enough.
        if schema.draft == Draft::Four && has_numbers(value) {
            return None;
        }
        let judge = self.by_address.entry(schema.address()).or_insert_with(|| {
            if has_references(schema.schema) {
                return None;
            }
            let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES);
            jsonschema::options()
                .with_draft(library_draft(schema.draft))
                .offline()
                .should_validate_formats(formats)
                .with_pattern_options(patterns)
                .build(schema.schema)
                .ok()
        });
        judge.as_ref().map(|judge| judge.is_valid(value))
    }

    /// Whether a pattern is found in a text; `None` if it is no pattern.
    pub(super) fn matches(&mut self, pattern: &str, text: &str) -> Option<bool> {
        let judge = self.patterns.entry(pattern.to_owned()).or_insert_with(|| {
            let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES);
            let schema = json!({ "pattern": pattern });
            jsonschema::options().offline().with_pattern_options(patterns).build(&schema).ok()
        });
        judge.as_ref().map(|judge| judge.is_valid(&Value::String(text.to_owned())))
    }
}

fn has_numbers(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_numbers),
        Value::Object(object) => object.values().any(has_numbers),
        _ => false,
    }
}

fn library_draft(draft: Draft) -> jsonschema::Draft {
    match draft {
        Draft::Four => jsonschema::Draft::Draft4,
        Draft::Six => jsonschema::Draft::Draft6,
        Draft::Seven => jsonschema::Draft::Draft7,
        Draft::Y2019 => jsonschema::Draft::Draft201909,
        Draft::Y2020 => jsonschema::Draft::Draft202012,
    }
}

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1024 * 1024;
