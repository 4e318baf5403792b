//! Schemas and payloads as weapons: what would take minutes or gigabytes is refused, and what is
//! refused is refused at once.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sluicegate_admission::SchemaProblem;
use sluicegate_admission::schema::Compiled;

/// Long for what must be known at once, also where nothing is optimised.
const AT_ONCE: Duration = Duration::from_secs(10);

/// `a` is ten times `b`, `b` ten times `c`, and so on; the last is `leaf`.
fn tenfold(letters: &str, leaf: &Value) -> Value {
    let mut defs = Map::new();
    let names: Vec<char> = letters.chars().collect();
    for (name, next) in names.iter().zip(names.iter().skip(1)) {
        let next = json!({ "$ref": format!("#/$defs/{next}") });
        defs.insert(name.to_string(), json!({ "allOf": vec![next; 10] }));
    }
    defs.insert(names.last().unwrap().to_string(), leaf.clone());
    Value::Object(defs)
}

/// The keyword and message of the one violation, and that it took no time.
#[track_caller]
fn only(schema: &Value, payload: &Value) -> (String, String) {
    let compiled = Compiled::compile(schema).unwrap();
    let start = Instant::now();
    let mut violations = compiled.violations(payload, 20);
    assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
    assert_eq!(violations.len(), 1, "{violations:?}");
    let one = violations.remove(0);
    (one.keyword, one.message)
}

#[track_caller]
fn assert_too_much(schema: &Value, payload: &Value) {
    let (keyword, message) = only(schema, payload);
    assert_eq!(keyword, "json");
    assert!(message.contains("more work"), "{message}");
}

#[test]
fn a_list_of_fifty_million_violations_is_never_made() {
    let schema = json!({ "items": { "$ref": "#/$defs/a" }, "$defs": tenfold("abcde", &json!({ "minimum": 10 })) });
    assert_too_much(&schema, &Value::Array(vec![json!(1); 4_999]));
    // Here the verdict is within the bounds, and a list would not be.
    let (keyword, message) = only(&schema, &Value::Array(vec![json!(1); 50]));
    assert_eq!(keyword, "schema");
    assert!(message.contains("too large"), "{message}");
    assert_eq!(Compiled::compile(&schema).unwrap().violations(&json!([1]), 20).len(), 20);
}

#[test]
fn a_list_that_copies_a_large_payload_many_times_is_never_made() {
    let one = json!({ "anyOf": [{ "type": "null" }, { "type": "boolean" }] });
    let schema = json!({ "allOf": vec![one; 500] });
    let (keyword, _) = only(&schema, &json!("x".repeat(1 << 20)));
    assert_eq!(keyword, "schema");
}

#[test]
fn a_pattern_that_is_asked_ten_thousand_times_is_not_asked_about_a_long_text() {
    let schema = json!({
        "$ref": "#/$defs/a", "$defs": tenfold("abcde", &json!({ "pattern": "^(a|b)*$" }))
    });
    assert_too_much(&schema, &json!("ab".repeat(1 << 19)));
    assert!(Compiled::compile(&schema).unwrap().accepts(&json!("abba")));
}

#[test]
fn a_pattern_of_ten_thousand_places_is_not_asked_about_a_long_text() {
    let schema = json!({ "pattern": "[01]*1[01]{10000}2" });
    assert_too_much(&schema, &json!("01".repeat(1 << 19)));
    let keys = json!({ "patternProperties": { "[01]*1[01]{10000}2": true } });
    assert_too_much(&keys, &json!({ "01".repeat(1 << 19): 1 }));
}

#[test]
fn an_enum_is_paid_for_by_its_options() {
    let options: Vec<Value> = (0..20_000).map(|number| json!(number)).collect();
    for schema in [
        json!({ "items": { "enum": options } }),
        json!({ "items": { "const": options } }),
        json!({ "items": { "enum": [options, 1] } }),
    ] {
        assert_too_much(&schema, &Value::Array(vec![json!(0.5); 500_000]));
    }
    let names: Vec<Value> = (0..5_000).map(|number| json!(format!("n{number}"))).collect();
    let table = Compiled::compile(&json!({ "items": { "enum": names } })).unwrap();
    assert!(table.accepts(&Value::Array(vec![json!("n7"); 100_000])), "a table costs one look");
}

#[test]
fn looking_for_what_was_evaluated_is_paid_for_at_each_step() {
    let mut defs = Map::new();
    defs.insert("d0".into(), json!({ "properties": { "a": true } }));
    for step in 1..=25 {
        let before = json!({ "$ref": format!("#/$defs/d{}", step - 1) });
        defs.insert(
            format!("d{step}"),
            json!({ "anyOf": [before], "unevaluatedProperties": { "type": "null" } }),
        );
    }
    let start = Instant::now();
    let schema = json!({ "$ref": "#/$defs/d25", "$defs": defs });
    let problem = Compiled::compile(&schema).map(|_| panic!("compiled")).unwrap_err().problem;
    assert_eq!(problem, SchemaProblem::TooCostly);
    let few = json!({ "$ref": "#/$defs/d3", "$defs": defs });
    assert!(Compiled::compile(&few).unwrap().accepts(&json!({ "a": 1 })));
    assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
}

/// Every tree of empty lists with so many lists.
fn trees(lists: usize) -> Vec<Value> {
    fn forests(lists: usize) -> Vec<Vec<Value>> {
        if lists == 0 {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for first in 1..=lists {
            for tree in trees(first) {
                for rest in forests(lists - first) {
                    all.push([vec![tree.clone()], rest].concat());
                }
            }
        }
        all
    }
    forests(lists - 1).into_iter().map(Value::Array).collect()
}

#[test]
fn items_that_all_have_one_hash_are_not_compared_with_one_another() {
    let schema = json!({ "uniqueItems": true });
    let payload = Value::Array((1..=10).flat_map(trees).collect());
    assert!(payload.as_array().unwrap().len() > 6_000);
    assert_too_much(&schema, &payload);
    let compiled = Compiled::compile(&schema).unwrap();
    assert!(compiled.accepts(&(0..50_000).map(|n| json!(n.to_string())).collect()));
    assert!(compiled.accepts(&(0..50_000).map(|n| json!({ "id": n })).collect()));
    assert!(!compiled.accepts(&json!([[1], [2], [1]])));
}

#[test]
fn a_meta_schema_is_paid_for() {
    let meta = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
    let schema = json!({ "items": { "allOf": vec![meta; 100] } });
    let payload = Value::Array(vec![json!({ "properties": { "a": {} } }); 1_000]);
    assert_too_much(&schema, &payload);
}

#[test]
fn what_is_known_already_is_not_nested_deeper_than_anything_else() {
    // A chain of a thousand, of which the root names every two hundredth from the end, so that none
    // is reached by a long way first.
    let mut defs = Map::new();
    for step in 0..1_000 {
        defs.insert(format!("d{step:04}"), json!({ "$ref": format!("#/$defs/d{:04}", step + 1) }));
    }
    defs.insert("d1000".into(), json!(true));
    let names: Vec<Value> =
        (0..=5).rev().map(|n| json!({ "$ref": format!("#/$defs/d{:04}", n * 200) })).collect();
    let schema = json!({ "allOf": names, "$defs": defs });
    let problem = Compiled::compile(&schema).map(|_| panic!("compiled")).unwrap_err().problem;
    assert_eq!(problem, SchemaProblem::TooNested);
}

/// References in one another, through one keyword and another, and once around again for each level
/// of the payload.
fn deep(first: usize) -> Value {
    let mut defs = Map::new();
    for step in first..250 {
        let next = json!({ "$ref": format!("#/$defs/d{}", step + 1) });
        let wrapped = match step % 3 {
            0 => json!({ "anyOf": [next] }),
            1 => json!({ "allOf": [next, true] }),
            _ => next,
        };
        defs.insert(format!("d{step}"), wrapped);
    }
    defs.insert("d250".into(), json!({ "items": { "$ref": "#" }, "minItems": 1 }));
    json!({ "$ref": format!("#/$defs/d{first}"), "$defs": defs })
}

#[test]
fn the_deepest_schema_fits_on_the_stack_of_those_who_judge() {
    // Half of what the gateway's threads have.
    let stack_bytes = 2 * 1024 * 1024;
    let judged = thread::Builder::new().stack_size(stack_bytes).spawn(|| {
        let deepest = |first| Compiled::compile(&deep(first)).ok();
        let schema = (0..250).find_map(deepest).unwrap();
        let nested =
            |levels: usize, inner: Value| (0..levels).fold(inner, |inner, _| json!([inner]));
        let told = schema.violations(&nested(120, json!(1)), 20);
        let levels = told[0].message.split_whitespace().find_map(|word| word.parse().ok());
        let levels: usize = levels.unwrap();
        let told = schema.violations(&nested(levels, json!([])), 20);
        assert_eq!(told[0].keyword, "json", "{told:?}");
        assert!(schema.accepts(&nested(levels, json!(1))));
        let told = schema.violations(&nested(levels - 1, json!([])), 20);
        assert_eq!(told[0].keyword, "anyOf", "{told:?}");
    });
    judged.unwrap().join().unwrap();
}
