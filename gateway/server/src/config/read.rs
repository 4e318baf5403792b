//! From a file to a plan: parse, hold against the schema, then against the world.

use std::path::Path;

use serde_json::Value;
use sluicegate_admission::schema::Compiled;
use sluicegate_core::time::Clock;

use super::check::check;
use super::document::Document;
use super::fault::{ConfigFault, ConfigFaults};
use super::plan::Plan;
use super::shape::{Config, json_schema};

/// Reads and checks a configuration. The plan knows the faults that were found; the rooms that are
/// built from it find the rest.
///
/// # Errors
/// When so much is wrong that there is nothing to build.
pub fn load(file: &Path, clock: &Clock) -> Result<Plan, ConfigFaults> {
    let one = |fault| ConfigFaults::new(file, vec![fault]);
    let text = std::fs::read_to_string(file).map_err(|fault| one(unreadable(&fault)))?;
    let document = Document::parse(&text).map_err(one)?;
    let violations = against_schema(&document);
    let faults = violations.iter().map(|(_, fault)| fault.clone()).collect();
    let config = match read_what_is_right(&document.value, &violations) {
        Some(config) => config,
        None => return Err(ConfigFaults::new(file, faults)),
    };
    // What the schema found and what the world says are told in one go.
    Ok(check(file, document, &config, clock, faults))
}

/// Reads the configuration without the parts that break the schema, so that the rest is still
/// held against the world. `None` if what is left cannot be read.
fn read_what_is_right(value: &Value, violations: &[(String, ConfigFault)]) -> Option<Config> {
    let mut pointers: Vec<String> = violations.iter().map(|(at, _)| at.clone()).collect();
    loop {
        let mut value = value.clone();
        // From the back, so that positions in lists stay what they are.
        pointers.sort_by(|a, b| b.cmp(a));
        pointers.iter().for_each(|pointer| remove(&mut value, pointer));
        if let Ok(config) = serde_json::from_value(value) {
            return Some(config);
        }
        // Something needed went with it: take away what needed it.
        for pointer in &mut pointers {
            pointer.truncate(pointer.rfind('/')?);
        }
        if pointers.iter().all(String::is_empty) {
            return None;
        }
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((above, key)) = pointer.rsplit_once('/') else { return };
    match value.pointer_mut(above) {
        Some(Value::Object(map)) => {
            map.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(list)) => {
            if let Ok(at) = key.parse::<usize>()
                && at < list.len()
            {
                list.remove(at);
            }
        }
        _ => {}
    }
}

fn unreadable(fault: &std::io::Error) -> ConfigFault {
    ConfigFault {
        line: 0,
        path: String::new(),
        code: "config_unreadable",
        message: format!("cannot read this file: {fault}"),
    }
}

/// What breaks the schema: where, as a JSON Pointer, and the fault.
fn against_schema(document: &Document) -> Vec<(String, ConfigFault)> {
    let compiled = match Compiled::compile(&json_schema()) {
        Ok(compiled) => compiled,
        Err(fault) => {
            let fault = document.fault("", "config_shape", fault.to_string());
            return vec![(String::new(), fault)];
        }
    };
    compiled
        .violations(&document.value, FAULTS_MAX)
        .into_iter()
        .map(|violation| {
            let message = match violation.keyword.as_str() {
                "additionalProperties" | "unevaluatedProperties" => {
                    unknown_key(&violation.instance)
                }
                _ => violation.message,
            };
            let fault = document.fault(&violation.instance, "config_shape", message);
            (violation.instance, fault)
        })
        .collect()
}

/// Faults told at once: a file with more is better read from the top.
const FAULTS_MAX: usize = 200;

fn unknown_key(pointer: &str) -> String {
    let key = pointer.rsplit('/').next().unwrap_or_default();
    let known = known_keys(pointer);
    let near =
        known.iter().filter(|name| distance(name, key) <= 2).min_by_key(|n| distance(n, key));
    match near {
        Some(near) => format!("unknown key {key:?}: did you mean {near:?}?"),
        None => format!("unknown key {key:?}"),
    }
}

/// The keys that the schema knows at the place above `pointer`: found by walking the schema along
/// the instance, through references and one level of alternatives.
fn known_keys(pointer: &str) -> Vec<String> {
    let schema = json_schema();
    let mut at = &schema;
    let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
    let (_, above) = tokens.split_last().unwrap_or((&"", &[]));
    for token in above {
        at = step(&schema, resolve(&schema, at), token);
    }
    let properties = resolve(&schema, at).get("properties").and_then(Value::as_object);
    properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
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

    #[test]
    fn near_misses_are_suggested() {
        assert_eq!(distance("filters", "filter"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "acb"), 2);
        let message = unknown_key("/sources/github/verfy");
        assert_eq!(message, "unknown key \"verfy\": did you mean \"verify\"?");
        assert_eq!(unknown_key("/zzzzzzzz"), "unknown key \"zzzzzzzz\"");
        let message = unknown_key("/queues/siem/retry/attempt");
        assert_eq!(message, "unknown key \"attempt\": did you mean \"attempts\"?");
    }
}
