//! Compatibility: what may change, what may not, and where it is told.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use serde_json::{Value, json};
use sluicegate_admission::schema::compat::{Direction, Mode, Verdict, Version, check};
use sluicegate_admission::schema::{Document, Formats};

fn version(number: u32, schema: &Value) -> Version<'_> {
    Version { number, root: Document { uri: "", schema }, others: vec![], formats: Formats::Draft }
}

/// What keeps the new schema from reading all data of the old one: places and verdicts.
fn backward(old: &Value, new: &Value) -> Vec<(String, Verdict)> {
    let found = check(&version(2, new), &[version(1, old)], Mode::Backward).unwrap();
    found.into_iter().map(|one| (one.finding.at, one.finding.verdict)).collect()
}

#[track_caller]
fn passes(old: Value, new: Value) {
    let found = check(&version(2, &new), &[version(1, &old)], Mode::Backward).unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{old} -> {new}: {found:?}");
}

#[track_caller]
fn narrows(old: Value, new: Value, at: &str) {
    let found = backward(&old, &new);
    assert_eq!(found.first(), Some(&(at.to_owned(), Verdict::Narrowed)), "{old} -> {new}");
}

#[track_caller]
fn undecided(old: Value, new: Value, at: &str) {
    let found = backward(&old, &new);
    assert_eq!(found.first(), Some(&(at.to_owned(), Verdict::Undecided)), "{old} -> {new}");
}

/// An object that takes no property that it does not name.
fn closed(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// One that takes any.
fn open(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

#[test]
fn a_schema_reads_its_own_data() {
    for schema in [
        json!(true),
        json!({}),
        open(json!({ "a": { "type": "string", "pattern": "^x" } })),
        json!({ "oneOf": [{ "type": "string" }, { "type": "null" }] }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "items": { "$ref": "#/$defs/a" } } } }),
        json!({ "type": "object", "properties": { "left": { "$ref": "#" } } }),
        json!({ "if": { "type": "string" }, "then": { "minLength": 1 } }),
        json!({ "dependentRequired": { "a": ["b"] }, "dependentSchemas": { "a": { "required": ["c"] } } }),
        json!({ "contains": { "type": "string" }, "minContains": 2 }),
        json!({ "propertyNames": { "maxLength": 3 }, "patternProperties": { "^x": { "type": "null" } } }),
    ] {
        passes(schema.clone(), schema);
    }
}

#[test]
fn properties_depend_on_the_content_model() {
    let string = || json!({ "a": { "type": "string" } });
    // A closed model may be given more, an open one may not: it took any value there.
    passes(closed(json!({})), closed(string()));
    narrows(open(json!({})), open(string()), "/properties/a");
    passes(open(string()), open(json!({})));
    narrows(closed(string()), closed(json!({})), "/additionalProperties");
    passes(closed(string()), open(json!({})));
    narrows(open(string()), closed(string()), "/additionalProperties");
    // Open in part.
    let partly = |more: Value| json!({ "type": "object", "properties": more, "additionalProperties": { "type": "string" } });
    passes(partly(json!({})), partly(string()));
    narrows(partly(json!({})), partly(json!({ "a": { "type": "integer" } })), "/properties/a/type");
    passes(closed(string()), partly(json!({})));
    narrows(
        closed(json!({ "a": { "type": "integer" } })),
        partly(json!({})),
        "/additionalProperties",
    );
    let pattern = |p: &str| json!({ "patternProperties": { p: { "type": "string" } }, "additionalProperties": false });
    passes(
        closed(json!({ "xa": { "type": "string" } })),
        json!({ "type": "object", "patternProperties": { "^x": { "type": "string" } }, "additionalProperties": false }),
    );
    passes(pattern("^x"), pattern("^x"));
    passes(
        pattern("^x"),
        json!({ "patternProperties": { "^xy": { "type": ["string", "null"] } }, "additionalProperties": { "type": "string" } }),
    );
    narrows(pattern("^x"), json!({ "additionalProperties": false }), "/additionalProperties");
    passes(
        json!({ "type": "object", "properties": {}, "unevaluatedProperties": false }),
        json!({ "type": "object", "properties": string(), "unevaluatedProperties": false }),
    );
}

#[test]
fn what_is_needed_may_become_less() {
    let needs = |list: Value| json!({ "required": list });
    passes(needs(json!(["a", "b"])), needs(json!(["a"])));
    narrows(needs(json!(["a"])), needs(json!(["a", "b"])), "/required");
    passes(needs(json!(["a", "b"])), json!({ "minProperties": 2 }));
    narrows(needs(json!(["a"])), json!({ "minProperties": 2 }), "/minProperties");
    passes(closed(json!({ "a": {}, "b": {} })), json!({ "maxProperties": 2 }));
    narrows(closed(json!({ "a": {}, "b": {} })), json!({ "maxProperties": 1 }), "/maxProperties");
    passes(needs(json!(["b"])), json!({ "dependentRequired": { "a": ["b"] } }));
    narrows(json!({}), json!({ "dependentRequired": { "a": ["b"] } }), "/dependentRequired/a");
    passes(closed(json!({ "ab": {} })), json!({ "propertyNames": { "pattern": "^a" } }));
    narrows(
        closed(json!({ "b": {} })),
        json!({ "type": "object", "propertyNames": { "pattern": "^a" } }),
        "/propertyNames",
    );
}

#[test]
fn types_and_ranges_may_widen() {
    let is = |name: Value| json!({ "type": name });
    passes(is(json!("integer")), is(json!("number")));
    narrows(is(json!("number")), is(json!("integer")), "/type");
    passes(is(json!("string")), is(json!(["string", "null"])));
    narrows(is(json!(["string", "null"])), is(json!("string")), "/type");
    narrows(json!({}), is(json!("string")), "/type");
    passes(json!({ "minimum": 5 }), json!({ "minimum": 4.5 }));
    narrows(json!({ "minimum": 5 }), json!({ "minimum": 6 }), "/minimum");
    passes(json!({ "exclusiveMinimum": 5 }), json!({ "minimum": 5 }));
    narrows(json!({ "minimum": 5 }), json!({ "exclusiveMinimum": 5 }), "/exclusiveMinimum");
    passes(json!({ "type": "string" }), json!({ "minimum": 5 }));
    passes(json!({ "multipleOf": 6 }), json!({ "multipleOf": 3 }));
    narrows(json!({}), json!({ "multipleOf": 3 }), "/multipleOf");
    passes(is(json!("integer")), json!({ "multipleOf": 1 }));
    undecided(json!({ "multipleOf": 0.5 }), json!({ "multipleOf": 0.25 }), "/multipleOf");
    let draft_4 = "http://json-schema.org/draft-04/schema#";
    passes(
        json!({ "$schema": draft_4, "minimum": 5, "exclusiveMinimum": true }),
        json!({ "exclusiveMinimum": 5 }),
    );
    narrows(is(json!("integer")), json!({ "$schema": draft_4, "type": "integer" }), "/type");
    passes(json!({ "$schema": draft_4, "type": "integer" }), is(json!("integer")));
    // Draft 4 knows no const: it asked nothing.
    narrows(json!({ "$schema": draft_4, "const": 1 }), json!({ "const": 1 }), "/const");
    passes(json!({ "minLength": 3, "maxLength": 4 }), json!({ "minLength": 2, "maxLength": 5 }));
    narrows(json!({ "maxLength": 4 }), json!({ "maxLength": 3 }), "/maxLength");
    passes(json!({ "pattern": "^a" }), json!({}));
    narrows(json!({}), json!({ "pattern": "^a" }), "/pattern");
    undecided(json!({ "pattern": "^ab" }), json!({ "pattern": "^a" }), "/pattern");
}

#[test]
fn listed_values_may_become_more() {
    passes(json!({ "enum": ["a"] }), json!({ "enum": ["a", "b"] }));
    narrows(json!({ "enum": ["a", "b"] }), json!({ "enum": ["a"] }), "");
    narrows(json!({ "type": "string" }), json!({ "enum": ["a"] }), "/enum");
    passes(json!({ "const": 3 }), json!({ "type": "integer", "minimum": 1, "maximum": 9 }));
    passes(json!({ "type": "boolean" }), json!({ "enum": [true, false, null] }));
    passes(json!({ "enum": ["ab", "ac"] }), json!({ "pattern": "^a" }));
    passes(
        json!({ "enum": ["a", 1] }),
        json!({ "anyOf": [{ "const": "a" }, { "type": "integer" }] }),
    );
}

#[test]
fn arrays_are_compared_by_position() {
    let items = |schema: Value| json!({ "type": "array", "items": schema });
    passes(items(json!({ "type": "integer" })), items(json!({ "type": "number" })));
    narrows(items(json!({})), items(json!({ "type": "number" })), "/items/type");
    let pair = |a: &str, rest: Value| json!({ "prefixItems": [{ "type": a }], "items": rest });
    passes(pair("integer", json!(false)), pair("number", json!(true)));
    narrows(pair("integer", json!(true)), pair("integer", json!(false)), "/items");
    passes(
        pair("integer", json!(false)),
        json!({ "type": ["array", "string", "number", "object", "null", "boolean"], "maxItems": 1 }),
    );
    let draft_7 = "http://json-schema.org/draft-07/schema#";
    passes(
        json!({ "$schema": draft_7, "items": [{ "type": "integer" }], "additionalItems": false }),
        pair("integer", json!(false)),
    );
    passes(json!({ "minItems": 2, "maxItems": 3 }), json!({ "minItems": 1, "maxItems": 4 }));
    narrows(json!({}), json!({ "uniqueItems": true }), "/uniqueItems");
    passes(json!({ "maxItems": 1 }), json!({ "uniqueItems": true }));
    passes(
        json!({ "items": { "type": "string" }, "minItems": 1 }),
        json!({ "contains": { "type": "string" } }),
    );
    narrows(
        items(json!({ "type": "string" })),
        json!({ "contains": { "type": "string" } }),
        "/contains",
    );
}

#[test]
fn choices_may_become_more_where_they_are_told_apart() {
    let any = |list: Value| json!({ "anyOf": list });
    let one = |list: Value| json!({ "oneOf": list });
    passes(
        any(json!([{ "type": "string" }])),
        any(json!([{ "type": "string" }, { "type": "null" }])),
    );
    narrows(
        any(json!([{ "type": "string" }, { "type": "null" }])),
        any(json!([{ "type": "string" }])),
        "",
    );
    passes(
        json!({ "type": ["string", "null"] }),
        any(json!([{ "type": "string" }, { "type": "null" }])),
    );
    let shape = |kind: &str, more: Value| json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "const": kind }, "v": more } });
    let (string, any_value) = (json!({ "type": "string" }), json!(true));
    passes(
        one(json!([shape("a", string.clone()), shape("b", string.clone())])),
        one(json!([shape("b", string.clone()), shape("a", any_value), shape("c", string.clone())])),
    );
    narrows(
        one(json!([shape("a", string.clone()), shape("b", string.clone())])),
        one(json!([shape("a", string.clone())])),
        "/oneOf",
    );
    undecided(
        json!({ "type": "string", "pattern": "^a" }),
        json!({ "type": "string", "oneOf": [{ "pattern": "^a" }, { "pattern": "b" }] }),
        "/oneOf",
    );
    passes(json!({ "type": "string" }), json!({ "not": { "type": "integer" } }));
    undecided(json!({ "minLength": 1 }), json!({ "not": { "maxLength": 0 } }), "/not");
    passes(json!({ "type": "integer" }), json!({ "if": { "type": "string" }, "then": false }));
    narrows(
        json!({ "type": "string" }),
        json!({ "if": { "type": "string" }, "then": false }),
        "/then",
    );
}

#[test]
fn references_are_followed_on_both_sides_and_loops_end() {
    let list = |item: &str| {
        json!({ "$ref": "#/$defs/node", "$defs": { "node": {
            "type": "object", "properties": { "value": { "type": item }, "next": { "$ref": "#/$defs/node" } }
        } } })
    };
    passes(list("integer"), list("number"));
    narrows(list("number"), list("integer"), "/$defs/node/properties/value/type");
    // Of another length, the loop is the same language.
    let two = json!({ "$ref": "#/$defs/a", "$defs": {
        "a": { "type": "object", "properties": { "next": { "$ref": "#/$defs/b" }, "value": { "type": "integer" } } },
        "b": { "type": "object", "properties": { "next": { "$ref": "#/$defs/a" }, "value": { "type": "integer" } } }
    } });
    passes(two.clone(), list("integer"));
    passes(list("integer"), two);
}

#[test]
fn a_choice_with_an_open_branch_proves_nothing_about_the_whole() {
    // The branch adds nothing to what is known: it must not count as met before.
    let old = json!({ "anyOf": [true, { "type": "string" }] });
    narrows(old, json!({ "type": "string" }), "/type");
    let old = json!({ "oneOf": [{}, { "type": "string" }] });
    narrows(old, json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }] }), "");
}

#[test]
fn modes_ask_in_their_direction_and_of_so_many_versions() {
    let (a, b, c) = (
        json!({ "type": "integer" }),
        json!({ "type": "number" }),
        json!({ "type": ["number", "string"] }),
    );
    let told = |new: &Value, before: &[&Value], mode: &str| {
        let before: Vec<_> = (1..).zip(before).map(|(n, schema)| version(n, schema)).collect();
        let mode: Mode = mode.parse().unwrap();
        let found = check(&version(9, new), &before, mode).unwrap();
        found.iter().map(|one| (one.version, one.direction)).collect::<Vec<_>>()
    };
    assert_eq!(told(&c, &[&a, &b], "backward-transitive"), []);
    assert_eq!(told(&a, &[&c, &b], "FORWARD_TRANSITIVE"), []);
    assert_eq!(told(&b, &[&c, &a], "BACKWARD"), []);
    assert_eq!(told(&b, &[&c, &a], "BACKWARD_TRANSITIVE"), [(1, Direction::Backward)]);
    assert_eq!(told(&b, &[&a], "FULL"), [(1, Direction::Forward)]);
    assert_eq!(told(&b, &[&c, &a, &b], "FULL"), []);
    let all = [(2, Direction::Forward), (1, Direction::Backward)];
    assert_eq!(told(&b, &[&c, &a], "FULL_TRANSITIVE"), all);
    assert_eq!(told(&b, &[&json!(false), &c], "NONE"), []);
    assert!("SIDEWAYS".parse::<Mode>().is_err());
}

#[test]
fn a_proof_that_takes_too_long_is_no_proof() {
    let branch =
        |n: usize| json!({ "anyOf": [{ "minLength": n }, { "maxLength": n }, { "minimum": n }] });
    let all = |from: usize| json!({ "allOf": (from..from + 12).map(branch).collect::<Vec<_>>() });
    let found = backward(&all(0), &all(100));
    assert!(!found.is_empty());
}
