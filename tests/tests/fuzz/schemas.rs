//! Schemas as they are registered, and payloads as they are held against them.

use std::fs;

use serde_json::{Value, json};
use sluicegate_admission::Registry;
use sluicegate_admission::schema::{Origin, Submission, parse};
use sluicegate_core::signature::SchemaVersion;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::fuzz::feed;

fn version() -> SchemaVersion {
    SchemaVersion { subject: "fuzzed".parse().unwrap(), version: 1 }
}

/// Schemas that use every keyword, some of them in each draft.
fn schemas() -> Vec<Vec<u8>> {
    let mut all = vec![
        br##"{"$id":"https://a/b","$ref":"#/$defs/t","unevaluatedProperties":false,"$defs":{"t":
            {"$anchor":"t","properties":{"l":{"$ref":"#t"},"r":{"anyOf":[{"$ref":"#t"},{"const":1}]}},
            "dependentSchemas":{"l":{"required":["r"]}},"patternProperties":{"^x{1,3}$":{}}}}}"##
            .to_vec(),
        br##"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"enum":[1,"a",null]}],
            "additionalItems":{"if":{"type":"string"},"then":{"pattern":"^(a|b)+$"},"else":
            {"multipleOf":0.5}},"uniqueItems":true,"contains":{"type":"number"}}"##
            .to_vec(),
        br##"{"$schema":"http://json-schema.org/draft-04/schema#","id":"x","dependencies":{"a":["b"],
            "b":{"minProperties":2}},"not":{"oneOf":[{"maximum":3,"exclusiveMaximum":true},
            {"format":"date-time"}]}}"##
            .to_vec(),
        br##"{"$dynamicAnchor":"n","prefixItems":[{"$dynamicRef":"#n"}],"unevaluatedItems":
            {"propertyNames":{"maxLength":3}},"minContains":1,"contains":true}"##
            .to_vec(),
    ];
    let house = root().join("schemas/payloads");
    for file in fs::read_dir(house).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|end| end == "json") {
            all.push(fs::read(file).unwrap());
        }
    }
    all
}

#[test]
fn a_changed_schema_is_refused_or_judges() {
    let payloads =
        [json!({"l": {"r": 1}, "x": [1.5, "ab"]}), json!([1, "ab", [[]], {"a": 1}]), json!("2026")];
    let fed = feed(&schemas(), |_, bytes| {
        let Ok(text) = String::from_utf8(bytes.to_vec()) else { return false };
        let given = Submission::new(version(), text, Origin::Registered);
        let Ok(entry) = Registry::empty().compile(given) else { return false };
        for payload in &payloads {
            // Either is right; it must come to an end.
            let _ = entry.accepts(payload);
        }
        true
    });
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}

#[test]
fn a_changed_payload_is_judged() {
    let mut registry = Registry::empty();
    let mut entries = Vec::new();
    for (at, text) in schemas().into_iter().enumerate() {
        let version = SchemaVersion { subject: format!("s{at}").parse().unwrap(), version: 1 };
        let text = String::from_utf8(text).unwrap();
        let given = Submission::new(version, text, Origin::Registered);
        entries.push(registry.insert(given).unwrap());
    }
    let push = fs::read(root().join("tests/fixtures/github/push.json")).unwrap();
    let seeds = [
        push,
        br#"{"l":{"r":1,"l":{"l":{},"r":{}}},"xx":[1.5,"ab",1e300,18446744073709551615]}"#.to_vec(),
        br#"[[[1]],[1],"2026-11-22T10:00:00Z",{"a":1,"b":2},null,0.1]"#.to_vec(),
    ];
    let fed = feed(&seeds, |_, bytes| {
        let Ok(value): Result<Value, _> = parse(bytes) else { return false };
        entries.iter().filter(|entry| entry.accepts(&value)).count() > 0
    });
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}
