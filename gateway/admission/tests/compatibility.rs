//! Compatibility: what may change, what may not, and that whatever passes holds for real values.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_admission::schema::compat::{Direction, Mode, Verdict, Version, check};
use sluicegate_admission::schema::{Compiled, Document, Formats};

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
    assert!(found.is_empty(), "{old} -> {new}: {}", found[0]);
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

/// A schema of few words, so that two of them often have to do with one another.
fn schemas() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![
        "string", "integer", "number", "null", "object", "array", "boolean",
    ]);
    let small = || 0..4_i64;
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        Just(json!({})),
        types.clone().prop_map(|name| json!({ "type": name })),
        (types.clone(), types)
            .prop_filter_map("differ", |(a, b)| (a != b).then(|| json!({ "type": [a, b] }))),
        (small(), small()).prop_map(|(a, b)| json!({ "minimum": a, "exclusiveMaximum": b })),
        (small(), small()).prop_map(|(a, b)| json!({ "minLength": a, "maxLength": b })),
        small().prop_map(|n| json!({ "multipleOf": n + 1 })),
        prop::sample::subsequence(
            vec![
                json!(0),
                json!(1),
                json!("a"),
                json!("aa"),
                json!(null),
                json!([1]),
                json!({"a": 1})
            ],
            1..4
        )
        .prop_map(|values| json!({ "enum": values })),
        prop::sample::select(vec!["^a", "b"]).prop_map(|p| json!({ "pattern": p })),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..3);
        let names = || prop::sample::subsequence(vec!["a", "b", "ab"], 0..3);
        let properties = (names(), prop::collection::vec(inner.clone(), 3), inner.clone(), names(), 0..4)
            .prop_map(|(names, schemas, other, required, how)| {
                let map: serde_json::Map<String, Value> =
                    names.iter().map(|name| (*name).to_owned()).zip(schemas).collect();
                match how {
                    0 => json!({ "properties": map, "required": required }),
                    1 => json!({ "properties": map, "additionalProperties": other }),
                    2 => json!({ "type": "object", "properties": map, "additionalProperties": false, "required": required }),
                    _ => json!({ "patternProperties": { "^a": other }, "properties": map, "unevaluatedProperties": false }),
                }
            });
        prop_oneof![
            properties.clone(),
            properties,
            some().prop_map(|all| json!({ "allOf": all })),
            some().prop_map(|any| json!({ "anyOf": any })),
            some().prop_map(|one| json!({ "oneOf": one })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "if": a, "then": b, "else": c })),
            (some(), inner.clone()).prop_map(|(first, rest)| json!({ "prefixItems": first, "items": rest })),
            (inner.clone(), 0..3_i64).prop_map(|(items, n)| json!({ "items": items, "maxItems": n })),
            inner.clone().prop_map(|one| json!({ "contains": one })),
            inner.clone().prop_map(|names| json!({ "propertyNames": names })),
            (inner.clone(), names()).prop_map(|(schema, all)| json!({ "dependentSchemas": { "a": schema }, "dependentRequired": { "b": all } })),
            inner.clone().prop_map(|schema| json!({ "$ref": "#/$defs/x", "$defs": { "x": schema } })),
        ]
    })
    .prop_map(hoisted)
}

/// The same schema with its definitions where references look for them: at the root.
fn hoisted(schema: Value) -> Value {
    fn walk(schema: Value, defs: &mut serde_json::Map<String, Value>) -> Value {
        match schema {
            Value::Object(mut object) => {
                if let Some(inner) = object.remove("$defs") {
                    let inner = walk(inner["x"].clone(), defs);
                    let name = format!("d{}", defs.len());
                    object.insert("$ref".into(), json!(format!("#/$defs/{name}")));
                    defs.insert(name, inner);
                }
                object.into_iter().map(|(key, value)| (key, walk(value, defs))).collect()
            }
            Value::Array(items) => items.into_iter().map(|item| walk(item, defs)).collect(),
            other => other,
        }
    }
    let mut defs = serde_json::Map::new();
    match walk(schema, &mut defs) {
        Value::Object(mut object) if !defs.is_empty() => {
            object.insert("$defs".into(), Value::Object(defs));
            Value::Object(object)
        }
        other => other,
    }
}

/// A schema that is a little other than this one: what people register.
fn edited(schema: &Value, seed: u64) -> Value {
    let mut places = Vec::new();
    fn collect(value: &Value, at: String, places: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                places.push(at.clone());
                for (key, value) in object {
                    collect(
                        value,
                        format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                        places,
                    );
                }
            }
            Value::Array(items) => {
                for (n, value) in items.iter().enumerate() {
                    collect(value, format!("{at}/{n}"), places);
                }
            }
            _ => places.push(at),
        }
    }
    collect(schema, String::new(), &mut places);
    let mut edited = schema.clone();
    let place = &places[usize::try_from(seed % places.len() as u64).unwrap()];
    let how = seed / 7;
    match edited.pointer_mut(place).unwrap() {
        Value::Object(object) if !object.is_empty() && how % 2 == 0 => {
            let key = object.keys().nth(how as usize % object.len()).unwrap().clone();
            object.remove(&key);
        }
        Value::Object(object) => {
            object.insert("description".into(), json!("more"));
        }
        Value::Number(n) => {
            let up = if how % 2 == 0 { 1 } else { -1 };
            let n = (n.as_i64().unwrap() + up).max(0);
            *edited.pointer_mut(place).unwrap() = json!(n);
        }
        Value::Bool(b) => *b = !*b,
        Value::String(text) if text == "integer" => *text = "number".into(),
        _ => {}
    }
    edited
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        (-1..5_i64).prop_map(|n| json!(n)),
        Just(json!(1.0)),
        Just(json!(0.5)),
        "[ab]{0,4}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("(a|b|ab|c)", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Confluent's meaning of backward: the new schema reads what was valid under the old one.
    #[test]
    fn what_passes_reads_all_old_data(
        old in schemas(),
        other in schemas(),
        seed in any::<u64>(),
        instances in prop::collection::vec(values(), 60),
    ) {
        for new in [edited(&old, seed), edited(&edited(&old, seed), seed / 3), other] {
            let (Ok(of_old), Ok(of_new)) = (Compiled::compile(&old), Compiled::compile(&new)) else {
                continue;
            };
            if !check(&version(2, &new), &[version(1, &old)], Mode::Backward).unwrap().is_empty() {
                continue;
            }
            for instance in &instances {
                prop_assert!(
                    !of_old.accepts(instance) || of_new.accepts(instance),
                    "{} passed to {}, but {} is no longer valid", old, new, instance
                );
            }
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}
