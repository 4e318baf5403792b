//! Schemas as input: what is refused before it can do harm, and what a refusal says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_admission::schema::Compiled;
use sluicegate_admission::{Registry, SchemaProblem};

/// What takes longer was not refused, nor bounded: it would take hours.
const SOON: Duration = Duration::from_secs(10);

fn problem(schema: &Value) -> SchemaProblem {
    Compiled::compile(schema).map(|_| panic!("compiled: {schema}")).unwrap_err().problem
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn references_that_leave_the_schema_are_refused_and_never_fetched() {
    for reference in [
        "http://127.0.0.1:9/x.json",
        "https://example.com/schema.json#/a",
        "file:///etc/passwd",
        "other.json",
        "//host/x",
        "urn:x:y",
    ] {
        for schema in [
            json!({"$ref": reference}),
            json!({"properties": {"a": {"allOf": [{"$ref": reference}]}}}),
            json!({"$defs": {"a": {"$dynamicRef": reference}}, "$ref": "#/$defs/a"}),
        ] {
            assert_eq!(problem(&schema), SchemaProblem::Remote { reference: reference.into() });
        }
    }
    assert!(Compiled::compile(&json!({"$schema": "http://127.0.0.1:9/meta"})).is_err());
    assert!(Compiled::compile(&json!({"$defs": {"a": {"$ref": "file:///etc/passwd"}}})).is_err());
}

#[test]
fn a_reference_that_leads_nowhere_is_refused() {
    for reference in ["#/$defs/none", "#nowhere", "#/a/%zz"] {
        let found = problem(&json!({"$ref": reference}));
        assert_eq!(found, SchemaProblem::Dangling { reference: reference.into() });
    }
}

#[test]
fn a_schema_that_doubles_at_each_step_is_refused_at_once() {
    for keyword in ["anyOf", "allOf", "oneOf"] {
        let mut defs = serde_json::Map::new();
        defs.insert("d0".into(), json!({"type": "string"}));
        for step in 1..=24 {
            let last = json!({"$ref": format!("#/$defs/d{}", step - 1)});
            defs.insert(format!("d{step}"), json!({keyword: [last, last]}));
        }
        let schema = json!({"$ref": "#/$defs/d24", "$defs": defs});
        let start = Instant::now();
        assert_eq!(problem(&schema), SchemaProblem::TooCostly);
        assert!(start.elapsed() < SOON);
    }
}

/// `steps` definitions, each the one before twice.
fn doubling(steps: usize) -> Value {
    let mut defs = serde_json::Map::new();
    defs.insert("d0".into(), json!({"type": "string"}));
    for step in 1..=steps {
        let last = json!({"$ref": format!("#/$defs/d{}", step - 1)});
        defs.insert(format!("d{step}"), json!({"anyOf": [last, last]}));
    }
    Value::Object(defs)
}

#[test]
fn a_costly_part_cannot_hide_behind_a_name_that_is_given_twice() {
    let bomb = json!({"$id": "https://x.example/b", "$ref": "#/$defs/d24", "$defs": doubling(24)});
    let decoy = json!({"const": {"$id": "https://x.example/b"}});
    let schema =
        json!({"$ref": "https://x.example/b", "$defs": {"a-decoy": decoy, "z-bomb": bomb}});
    assert_eq!(problem(&schema), SchemaProblem::TooCostly);
    let anchored = json!({"$anchor": "b", "$ref": "#/$defs/d24"});
    let mut defs = doubling(24);
    let Value::Object(map) = &mut defs else { panic!() };
    map.insert("a".into(), json!({"const": {"$anchor": "b"}}));
    map.insert("z".into(), anchored);
    assert_eq!(problem(&json!({"$ref": "#b", "$defs": defs})), SchemaProblem::TooCostly);
    let other =
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "$id": "https://x.example/o"});
    assert!(matches!(problem(&json!({"$defs": {"o": other}})), SchemaProblem::Invalid(_)));
}

#[test]
fn a_loop_that_stays_in_place_is_refused_and_one_that_goes_down_is_not() {
    let looped = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"properties": {"x": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
        json!({"$dynamicAnchor": "t", "if": {"$dynamicRef": "#t"}}),
    ];
    for schema in looped {
        assert!(matches!(problem(&schema), SchemaProblem::Loop { .. }), "{schema}");
    }
    let tree = json!({
        "type": "object",
        "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "additionalProperties": false
    });
    let tree = Compiled::compile(&tree).unwrap();
    assert!(tree.accepts(&json!({"left": {"right": {}}})));
    let violations = tree.violations(&json!({"left": {"right": {"up": 1}}}), 20);
    assert_eq!(violations[0].instance, "/left/right/up");
}

#[test]
fn a_schema_that_branches_at_each_level_judges_only_payloads_that_it_can() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for keyword in ["anyOf", "allOf", "oneOf"] {
        let own = json!({"$ref": "#"});
        let schema = json!({"minLength": 1, "items": {keyword: [own, own, own]}});
        let schema = Compiled::compile(&schema).unwrap();
        let start = Instant::now();
        let told = schema.violations(&nested(100), 20);
        assert!(told[0].message.contains("nested deeper"), "{told:?}");
        assert_eq!(schema.accepts(&nested(8)), keyword != "oneOf");
        assert!(start.elapsed() < SOON);
    }
}

#[test]
fn a_long_way_at_each_level_does_not_overflow_the_stack() {
    let mut defs = serde_json::Map::new();
    for step in 0..200 {
        defs.insert(format!("d{step}"), json!({"$ref": format!("#/$defs/d{}", step + 1)}));
    }
    defs.insert("d200".into(), json!({"items": {"$ref": "#"}}));
    let schema = Compiled::compile(&json!({"$ref": "#/$defs/d0", "$defs": defs})).unwrap();
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(schema.accepts(&nested(3)));
    assert!(!schema.accepts(&nested(126)));
}

#[test]
fn schemas_that_go_down_once_take_whatever_the_parser_takes() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({"a": inner}));
    let list = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
    let list = Compiled::compile(&list).unwrap();
    assert!(list.accepts(&nested(126)));
}

#[test]
fn deep_and_long_schemas_are_refused_without_harm() {
    let mut deep = json!({});
    for _ in 0..65 {
        deep = json!({"not": deep});
    }
    assert_eq!(problem(&deep), SchemaProblem::TooDeep);
    let mut defs = serde_json::Map::new();
    for step in 0..5000 {
        defs.insert(format!("d{step}"), json!({"$ref": format!("#/$defs/d{}", step + 1)}));
    }
    defs.insert("d5000".into(), json!(true));
    assert_eq!(problem(&json!({"$ref": "#/$defs/d0", "$defs": defs})), SchemaProblem::TooNested);
}

#[test]
fn patterns_run_in_linear_time_or_are_refused() {
    assert!(matches!(problem(&json!({"pattern": "(?=a)b"})), SchemaProblem::Invalid(_)));
    assert!(matches!(problem(&json!({"pattern": "(a)\\1"})), SchemaProblem::Invalid(_)));
    assert!(Compiled::compile(&json!({"pattern": "(((a{1,1000}){1,1000}){1,1000})"})).is_err());
    let schema = Compiled::compile(&json!({"pattern": "^(a+)+$"})).unwrap();
    let start = Instant::now();
    assert!(!schema.accepts(&json!(format!("{}!", "a".repeat(50_000)))));
    assert!(start.elapsed() < SOON);
}

#[test]
fn what_is_not_a_schema_is_refused() {
    for bad in
        [json!({"type": "strin"}), json!({"required": "a"}), json!(7), json!({"minimum": "1"})]
    {
        assert!(matches!(problem(&bad), SchemaProblem::Invalid(_)), "{bad}");
    }
}

#[test]
fn every_draft_is_judged_by_its_own_rules() {
    let fixed = json!([1, "x"]);
    for draft in
        ["http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-04/schema#"]
    {
        let schema = json!({"$schema": draft, "items": [{"type": "integer"}, {"type": "integer"}]});
        let violations = Compiled::compile(&schema).unwrap().violations(&fixed, 20);
        assert_eq!(violations[0].instance, "/1");
    }
    let schema = json!({"prefixItems": [{"type": "integer"}, {"type": "integer"}]});
    assert!(!Compiled::compile(&schema).unwrap().accepts(&fixed));
    let named = json!({"$id": "https://x.example/root", "properties": {"a": {"$ref": "#n"}, "b": {"$ref": "https://x.example/item"}},
        "$defs": {"n": {"$anchor": "n", "type": "null"}, "i": {"$id": "https://x.example/item", "$ref": "#/$defs/s", "$defs": {"s": {"type": "string"}}}}});
    let named = Compiled::compile(&named).unwrap();
    assert!(named.accepts(&json!({"a": null, "b": "x"})));
    assert!(!named.accepts(&json!({"b": 1})));
}

#[test]
fn violations_point_at_the_place_and_never_hold_a_value() {
    let schema = Compiled::compile(&json!({
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": {"enum": ["opened"]},
            "a/b": {"type": "object", "properties": {"n": {"maximum": 5}}},
            "email": {"type": "string", "pattern": "^[a-z]+$"}
        }
    }))
    .unwrap();
    let value = json!({"a/b": {"n": 123_456}, "email": "SECRET-VALUE", "action": "SECRET-ACTION"});
    let violations = schema.violations(&value, 20);
    let mut places: Vec<_> =
        violations.iter().map(|one| (one.instance.as_str(), one.keyword.as_str())).collect();
    places.sort_unstable();
    assert_eq!(places, [("/action", "enum"), ("/a~1b/n", "maximum"), ("/email", "pattern")]);
    let told = format!("{violations:?}");
    assert!(!told.contains("SECRET") && !told.contains("123456"), "{told}");
    let missing = schema.violations(&json!({}), 20);
    assert_eq!(
        (missing[0].keyword.as_str(), missing[0].schema.as_str()),
        ("required", "/required")
    );
}

#[test]
fn every_unexpected_key_is_one_violation_at_the_key() {
    for keyword in ["additionalProperties", "unevaluatedProperties"] {
        let schema = json!({"properties": {"a": {"properties": {"known": {}}, keyword: false}}});
        let value = json!({"a": {"known": 1, "x~y/z": 2, "other": 3}});
        let violations = Compiled::compile(&schema).unwrap().violations(&value, 20);
        let mut places: Vec<_> = violations.iter().map(|one| one.instance.as_str()).collect();
        places.sort_unstable();
        assert_eq!(places, ["/a/other", "/a/x~0y~1z"], "{keyword}");
        assert!(violations.iter().all(|one| one.keyword == keyword));
    }
}

#[test]
fn the_branch_that_was_meant_is_the_one_that_is_explained() {
    let schema = Compiled::compile(&json!({"anyOf": [
        {"type": "null"},
        {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false}
    ]}))
    .unwrap();
    let violations = schema.violations(&json!({"n": "x", "typo": 1}), 20);
    let mut places: Vec<_> = violations.iter().map(|one| one.instance.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/n", "/typo"]);
    let neither = schema.violations(&json!("text"), 20);
    assert_eq!((neither.len(), neither[0].keyword.as_str()), (1, "anyOf"));
}

#[test]
fn violations_are_counted_up_to_the_bound() {
    let schema =
        Compiled::compile(&json!({"items": {"type": "string"}, "additionalProperties": false}))
            .unwrap();
    assert_eq!(schema.violations(&json!(vec![1; 1000]), 20).len(), 20);
    let keys: serde_json::Map<_, _> = (0..100).map(|n| (n.to_string(), json!(1))).collect();
    assert_eq!(schema.violations(&Value::Object(keys), 20).len(), 20);
}

#[test]
fn a_folder_is_read_by_subject_and_version() {
    let folder = folder(&[
        ("github.push.json", "{}"),
        ("github.push.v2.json", "true"),
        ("meter.reading.v10.json", "{}"),
        ("README.md", "not a schema"),
    ]);
    let registry = Registry::from_folder(folder.path()).unwrap();
    let versions: Vec<_> =
        registry.versions().iter().map(|one| format!("{}@{}", one.subject, one.version)).collect();
    assert_eq!(versions, ["github.push@1", "github.push@2", "meter.reading@10"]);
}

#[test]
fn every_fault_of_a_folder_is_told_with_its_file() {
    let large = format!(r#"{{"description":"{}"}}"#, "x".repeat(256 * 1024));
    let folder = folder(&[
        ("a.json", "{"),
        ("b.json", r#"{"$ref":"http://127.0.0.1:9/x"}"#),
        ("c d.json", "{}"),
        ("e.v0.json", "{}"),
        ("f.json", "{}"),
        ("f.v1.json", "{}"),
        ("g.json", r#"{"type":"object","type":"array"}"#),
        ("h.json", &large),
        ("i.json", "{}"),
    ]);
    let faults = Registry::from_folder(folder.path()).unwrap_err();
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 7, "{told:#?}");
    for (fault, (file, what)) in told.iter().zip([
        ("a.json", "not JSON"),
        ("b.json", "nothing is fetched"),
        ("c d.json", "file name"),
        ("e.v0.json", "version"),
        ("f.v1.json", "twice"),
        ("g.json", "twice"),
        ("h.json", "bytes"),
    ]) {
        assert!(fault.contains(file) && fault.contains(what), "{fault}");
    }
    assert!(Registry::from_folder(Path::new("/nowhere/at/all")).is_err());
}
