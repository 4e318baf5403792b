//! What is likely a mistake in a schema that is valid: words that no draft has, rules that never
//! apply, properties that are required and never described.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::schema::document::Draft;

/// What is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// JSON Pointer into the schema.
    pub at: String,
    /// What it is.
    pub what: String,
}

/// Looks for likely mistakes. The schema has been compiled before.
#[must_use]
pub fn lint(schema: &Value) -> Vec<Advice> {
    let mut linter = Linter { draft: Draft::of(schema), advice: Vec::new() };
    if schema.is_object() && schema.get("$schema").is_none() {
        linter.say("", "there is no $schema: it is read as 2020-12 here, elsewhere perhaps not");
    }
    linter.schema(schema, "");
    linter.advice
}

struct Linter {
    draft: Draft,
    advice: Vec<Advice>,
}

impl Linter {
    fn say(&mut self, at: &str, what: impl Into<String>) {
        self.advice.push(Advice { at: at.to_owned(), what: what.into() });
    }

    fn schema(&mut self, schema: &Value, at: &str) {
        let Value::Object(object) = schema else { return };
        if self.draft.ref_hides() && object.contains_key("$ref") && object.len() > 1 {
            self.say(at, "in this draft nothing beside $ref counts");
        }
        self.words(object, at);
        self.types(object, at);
        self.required(object, at);
        for (keyword, value) in object {
            let here = format!("{at}/{}", escape(keyword));
            match (keyword.as_str(), value) {
                (
                    "properties" | "patternProperties" | "$defs" | "definitions"
                    | "dependentSchemas" | "dependencies",
                    Value::Object(map),
                ) => {
                    for (name, schema) in map {
                        self.schema(schema, &format!("{here}/{}", escape(name)));
                    }
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(list)) => {
                    for (number, schema) in list.iter().enumerate() {
                        self.schema(schema, &format!("{here}/{number}"));
                    }
                }
                (keyword, Value::Object(_)) if SCHEMAS.contains(&keyword) => {
                    self.schema(value, &here);
                }
                _ => {}
            }
        }
    }

    fn words(&mut self, object: &Map<String, Value>, at: &str) {
        for keyword in object.keys().filter(|keyword| !keyword.starts_with("x-")) {
            let here = format!("{at}/{}", escape(keyword));
            if !KNOWN.contains(&keyword.as_str()) {
                let near = KNOWN.iter().find(|known| is_near(known, keyword));
                let hint = near.map(|near| format!(": did you mean {near:?}?"));
                let hint = hint.unwrap_or_default();
                self.say(
                    &here,
                    format!("no draft has a keyword {keyword:?}; it asks nothing{hint}"),
                );
            } else if !self.draft.has(keyword) {
                self.say(&here, format!("this draft has no {keyword:?}; it asks nothing"));
            }
        }
        let has = |keyword: &str| object.contains_key(keyword);
        for (keyword, needs) in NEEDS {
            if has(keyword) && !needs.iter().any(|needed| has(needed)) {
                let here = format!("{at}/{keyword}");
                self.say(&here, format!("it counts only beside {}", needs.join(" or ")));
            }
        }
    }

    /// Keywords about a type that is not taken.
    fn types(&mut self, object: &Map<String, Value>, at: &str) {
        let types: BTreeSet<&str> = match object.get("type") {
            Some(Value::String(one)) => [one.as_str()].into(),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        for (about, keywords) in ABOUT {
            if about.iter().any(|one| types.contains(one)) {
                continue;
            }
            for keyword in keywords.iter().filter(|keyword| object.contains_key(**keyword)) {
                let here = format!("{at}/{keyword}");
                let about = about.first().copied().unwrap_or_default();
                self.say(&here, format!("it is about values of type {about}, and none is taken"));
            }
        }
    }

    fn required(&mut self, object: &Map<String, Value>, at: &str) {
        let Some(Value::Array(required)) = object.get("required") else { return };
        let Some(Value::Object(properties)) = object.get("properties") else { return };
        let matched = object.contains_key("patternProperties");
        let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
        for name in required.iter().filter_map(Value::as_str) {
            if properties.contains_key(name) || matched {
                continue;
            }
            let here = format!("{at}/required");
            self.say(
                &here,
                match closed {
                    true => format!("{name:?} is required and refused: nothing keeps to this"),
                    false => format!("{name:?} is required and not described in properties"),
                },
            );
        }
    }
}

/// Whether two words differ in one letter, or two letters changed places.
fn is_near(known: &str, word: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (known.chars().collect(), word.chars().collect());
    let same_from_the_start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (mut x, mut y) = (a.iter().rev(), b.iter().rev());
    let mut from_the_end = 0;
    while let (Some(x), Some(y)) = (x.next(), y.next()) {
        if x != y {
            break;
        }
        from_the_end += 1;
    }
    let longer = a.len().max(b.len());
    let swapped = {
        let (mut a, mut b) = (a.clone(), b.clone());
        a.sort_unstable();
        b.sort_unstable();
        a == b
    };
    let left = longer.saturating_sub(same_from_the_start + from_the_end);
    a.len().abs_diff(b.len()) <= 1 && (left <= 1 || swapped && left <= 2)
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

const SCHEMAS: [&str; 13] = [
    "not",
    "if",
    "then",
    "else",
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "extends",
];

/// Keywords that count only beside another.
const NEEDS: [(&str, &[&str]); 5] = [
    ("then", &["if"]),
    ("else", &["if"]),
    ("minContains", &["contains"]),
    ("maxContains", &["contains"]),
    ("additionalItems", &["items"]),
];

/// Keywords by the type that they are about.
const ABOUT: [(&[&str], &[&str]); 4] = [
    (&["string"], &["minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"]),
    (
        &["number", "integer"],
        &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    ),
    (&["array"], &["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"]),
    (
        &["object"],
        &[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
        ],
    ),
];

/// Every keyword of every draft.
const KNOWN: [&str; 63] = [
    "$schema",
    "$id",
    "id",
    "$ref",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "definitions",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "dependencies",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "prefixItems",
    "items",
    "additionalItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "required",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn likely_mistakes_are_told_where_they_are() {
        let schema = json!({
            "type": "object",
            "requried": ["a"],
            "required": ["b"],
            "additionalProperties": false,
            "properties": {
                "a": { "type": "integer", "minLength": 1, "then": {} },
                "x-note": { "x-own": 1, "examples": [1] }
            }
        });
        let advice = lint(&schema);
        let found: Vec<(&str, &str)> =
            advice.iter().map(|one| (one.at.as_str(), one.what.as_str())).collect();
        for (at, what) in [
            ("", "no $schema"),
            ("/requried", "did you mean \"required\"?"),
            ("/required", "nothing keeps to this"),
            ("/properties/a/minLength", "of type string"),
            ("/properties/a/then", "only beside if"),
        ] {
            assert!(found.iter().any(|(a, w)| *a == at && w.contains(what)), "{at}: {found:#?}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
    }

    #[test]
    fn a_draft_is_held_to_its_own_words() {
        let draft_7 = "http://json-schema.org/draft-07/schema#";
        let schema = json!({ "$schema": draft_7, "properties": {
            "a": { "$ref": "#/definitions/a", "minimum": 1 },
            "b": { "dependentRequired": {} }
        }, "definitions": { "a": {} } });
        let places: Vec<String> = lint(&schema).into_iter().map(|one| one.at).collect();
        assert_eq!(places, ["/properties/a", "/properties/b/dependentRequired"]);
        assert!(lint(&json!(true)).is_empty());
    }
}
