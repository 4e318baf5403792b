//! The pattern of a route, by example: every key must match, and one of its list must.
//!
//! The language is EventBridge's, in the shape of our event: `source`, `type`, `subject`,
//! `attributes`, `headers`, and `payload` nested as the payload is.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sluicegate_core::event::Event;

use super::test::{Found, Tests};

/// A compiled pattern. The default pattern matches every event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pattern {
    source: Option<Tests>,
    kind: Option<Tests>,
    subject: Option<Tests>,
    attributes: Vec<(String, Tests)>,
    headers: Vec<(String, Tests)>,
    payload: Vec<(Vec<String>, Tests)>,
}

/// What is wrong with a pattern, and where below it (a JSON Pointer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternFault {
    /// The place below the pattern.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// The parts of a pattern as they are written.
#[derive(Debug, Default)]
pub struct Written<'a> {
    /// Tests of the source's name.
    pub source: Option<&'a [Value]>,
    /// Tests of the type.
    pub kind: Option<&'a [Value]>,
    /// Tests of the subject.
    pub subject: Option<&'a [Value]>,
    /// Tests of attributes.
    pub attributes: Option<&'a BTreeMap<String, Vec<Value>>>,
    /// Tests of headers.
    pub headers: Option<&'a BTreeMap<String, Vec<Value>>>,
    /// Tests of payload fields, nested.
    pub payload: Option<&'a Map<String, Value>>,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Every fault in it, each with its place.
    pub fn compile(written: &Written<'_>) -> Result<Self, Vec<PatternFault>> {
        let mut faults = Vec::new();
        let mut pattern = Self::default();
        let mut read = |pointer: String, list: &[Value]| {
            Tests::read(list).map_err(|message| faults.push(PatternFault { pointer, message })).ok()
        };
        pattern.source = written.source.and_then(|list| read("/source".into(), list));
        pattern.kind = written.kind.and_then(|list| read("/type".into(), list));
        pattern.subject = written.subject.and_then(|list| read("/subject".into(), list));
        for (part, fields, into) in [
            ("attributes", written.attributes, &mut pattern.attributes),
            ("headers", written.headers, &mut pattern.headers),
        ] {
            for (name, list) in fields.into_iter().flatten() {
                if let Some(tests) = read(format!("/{part}/{name}"), list) {
                    into.push((name.to_ascii_lowercase(), tests));
                }
            }
        }
        if let Some(payload) = written.payload {
            let mut reader = PayloadReader { path: Vec::new(), leaves: Vec::new(), faults };
            reader.read(payload, "/payload");
            pattern.payload = reader.leaves;
            faults = reader.faults;
        }
        if faults.is_empty() { Ok(pattern) } else { Err(faults) }
    }

    /// Whether the event matches. `json` is asked for only if the envelope matches and the pattern
    /// looks at the payload.
    pub fn matches<'j>(&self, event: &Event, json: impl FnOnce() -> Option<&'j Value>) -> bool {
        self.matches_envelope(event) && (self.payload.is_empty() || self.matches_payload(json()))
    }

    /// Whether the envelope (everything but the payload) matches.
    #[must_use]
    fn matches_envelope(&self, event: &Event) -> bool {
        let one = |tests: &Option<Tests>, value: Option<&str>| {
            tests.as_ref().is_none_or(|tests| tests.hold(value.map(Found::Text).into_iter()))
        };
        one(&self.source, Some(event.source.as_str()))
            && one(&self.kind, Some(&event.kind))
            && one(&self.subject, event.subject.as_deref())
            && self
                .attributes
                .iter()
                .all(|(name, tests)| tests.hold(event.attributes.all(name).map(Found::Text)))
            && self
                .headers
                .iter()
                .all(|(name, tests)| tests.hold(event.headers.all(name).map(Found::Text)))
    }

    /// Whether the payload matches. What is not JSON has no fields.
    #[must_use]
    fn matches_payload(&self, json: Option<&Value>) -> bool {
        self.payload.iter().all(|(path, tests)| {
            let mut found = Vec::new();
            if let Some(json) = json {
                collect(json, path, &mut found);
            }
            tests.hold(found.into_iter().map(Found::Json))
        })
    }
}

/// Nested no deeper than this.
const DEPTH_MAX: usize = 32;

/// Walks the nested tests of a payload, and keeps each leaf with its path.
struct PayloadReader {
    path: Vec<String>,
    leaves: Vec<(Vec<String>, Tests)>,
    faults: Vec<PatternFault>,
}

impl PayloadReader {
    fn read(&mut self, map: &Map<String, Value>, pointer: &str) {
        for (name, value) in map {
            let pointer = format!("{pointer}/{name}");
            self.path.push(name.clone());
            match value {
                Value::Object(inner) if self.path.len() < DEPTH_MAX => self.read(inner, &pointer),
                Value::Object(_) => self.fault(pointer, "nested too deep".into()),
                Value::Array(list) => match Tests::read(list) {
                    Ok(tests) => self.leaves.push((self.path.clone(), tests)),
                    Err(message) => self.fault(pointer, message),
                },
                _ => self.fault(pointer, "list the values that it may have: [x]".into()),
            }
            self.path.pop();
        }
    }

    fn fault(&mut self, pointer: String, message: String) {
        self.faults.push(PatternFault { pointer, message });
    }
}

/// Every value at `path`; an array on the way stands for each of its elements.
fn collect<'a>(json: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    match (json, path.split_first()) {
        (value, None) => found.push(value),
        (Value::Object(map), Some((name, rest))) => {
            if let Some(value) = map.get(name) {
                collect(value, rest, found);
            }
        }
        (Value::Array(items), Some(_)) => {
            items.iter().for_each(|item| collect(item, path, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payload(pattern: &Value, json: &Value) -> bool {
        let written = Written { payload: pattern.as_object(), ..Written::default() };
        Pattern::compile(&written).unwrap().matches_payload(Some(json))
    }

    #[test]
    fn nested_payload_fields_match_through_arrays() {
        let event = json!({
            "alert": {"rule": {"severity": "high", "tags": ["a", "b"]}},
            "n": [{"k": 1}, {"k": 2}]
        });
        assert!(payload(&json!({"alert": {"rule": {"severity": ["high"]}}}), &event));
        assert!(payload(&json!({"alert": {"rule": {"tags": ["b"]}}}), &event));
        assert!(payload(&json!({"n": {"k": [2]}}), &event));
        assert!(!payload(&json!({"n": {"k": [3]}}), &event));
        assert!(payload(&json!({"alert": {"none": [{"exists": false}]}}), &event));
        assert!(!payload(&json!({"alert": {"none": [{"anything-but": ["x"]}]}}), &event));
    }

    #[test]
    fn what_is_not_json_has_no_fields() {
        let written = json!({"a": [{"exists": false}]});
        let written = Written { payload: written.as_object(), ..Written::default() };
        assert!(Pattern::compile(&written).unwrap().matches_payload(None));
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let written = json!({"a": "bare", "b": {"c": [{"no": 1}]}});
        let kinds = [json!({"prefix": 1})];
        let written =
            Written { payload: written.as_object(), kind: Some(&kinds), ..Written::default() };
        let faults = Pattern::compile(&written).unwrap_err();
        let places: Vec<_> = faults.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(places, ["/type", "/payload/a", "/payload/b/c"]);
    }
}
