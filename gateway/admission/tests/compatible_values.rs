//! Compatibility, held against real values: whatever passes, the new schema takes what the old one
//! took.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_admission::schema::compat::{Mode, Version, check};
use sluicegate_admission::schema::{Compiled, Document, Formats};

fn version(number: u32, schema: &Value) -> Version<'_> {
    Version { number, root: Document { uri: "", schema }, others: vec![], formats: Formats::Draft }
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
                    let inner = walk(inner.get("x").unwrap().clone(), defs);
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
    let place = places.get(usize::try_from(seed % places.len() as u64).unwrap()).unwrap();
    let how = seed / 7;
    match edited.pointer_mut(place).unwrap() {
        Value::Object(object) if !object.is_empty() && how.is_multiple_of(2) => {
            let key = object.keys().nth(how as usize % object.len()).unwrap().clone();
            object.remove(&key);
        }
        Value::Object(object) => {
            object.insert("description".into(), json!("more"));
        }
        Value::Number(n) => {
            let up = if how.is_multiple_of(2) { 1 } else { -1 };
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
