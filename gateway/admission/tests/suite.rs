//! JSON-Schema-Test-Suite, through the registry: every draft, with the documents that it refers to
//! registered first, as anybody would register them.
//!
//! `tests/suite/` holds a part of it (MIT licence, see there), so that this runs anywhere. The
//! whole is run where `SLUICEGATE_JSON_SCHEMA_SUITE` names a folder of it.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sluicegate_admission::Registry;
use sluicegate_admission::schema::{Formats, Origin, Reference, Submission};
use sluicegate_core::signature::SchemaVersion;

const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

/// What does not pass: formats of internationalised names, whose tables are not compiled in. They
/// are optional in every draft.
const NOT_PASSED: [&str; 2] = ["/optional/idn-hostname.json", "/optional/idn-email.json"];

fn folder() -> PathBuf {
    match std::env::var_os("SLUICEGATE_JSON_SCHEMA_SUITE") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite"),
    }
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The schema, said to be of this draft where it says nothing.
fn of_draft(schema: &Value, draft: &str) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(object) = &mut schema {
        object.entry("$schema").or_insert_with(|| json!(draft));
    }
    schema
}

fn submission(subject: &str, schema: &Value, references: Vec<Reference>) -> Submission {
    let version = SchemaVersion { subject: subject.parse().unwrap(), version: 1 };
    let given = Submission::new(version, schema.to_string(), Origin::Registered);
    Submission { references, ..given }
}

/// The documents that the suite refers to, each by the URI that it is to be found under. Registered
/// as often as it takes: some of them refer to others.
fn remotes(draft: &str, uri: &str) -> (Registry, Vec<Reference>) {
    let root = folder().join("remotes");
    let mut waiting: BTreeMap<String, Value> = BTreeMap::new();
    for file in json_files(&root) {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let first = path.split('/').next().unwrap();
        let foreign = (first.starts_with("draft") || first == "v1") && first != draft;
        let schema: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        if !foreign || schema.get("$schema").is_some() {
            let mut schema = of_draft(&schema, uri);
            if let Value::Object(object) = &mut schema {
                // Relative references in it start from where it is said to be.
                let keyword = if draft == "draft4" { "id" } else { "$id" };
                let id = format!("http://localhost:1234/{path}");
                object.entry(keyword).or_insert_with(|| json!(id));
            }
            waiting.insert(path, schema);
        }
    }
    let (mut registry, mut references) = (Registry::empty(), Vec::<Reference>::new());
    loop {
        let before = waiting.len();
        waiting.retain(|path, schema| {
            let subject = path.replace('/', "--");
            let given = submission(&subject, schema, references.clone());
            if registry.insert(given).is_err() {
                return true;
            }
            references.push(Reference {
                name: format!("http://localhost:1234/{path}"),
                subject: subject.parse().unwrap(),
                version: 1,
            });
            false
        });
        if waiting.len() == before {
            return (registry, references);
        }
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
}

fn run(
    registry: &Registry,
    references: &[Reference],
    draft: &str,
    uri: &str,
    file: &Path,
    tally: &mut Tally,
) {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let optional = file.components().any(|part| part.as_os_str() == "optional");
    let in_format = file.parent().is_some_and(|folder| folder.ends_with("format"));
    let cases: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let about = case["description"].as_str().unwrap();
        let label = format!("{draft}/{}{name}: {about}", if optional { "optional/" } else { "" });
        let schema = of_draft(&case["schema"], uri);
        let used: Vec<Reference> = references.to_vec();
        let mut given = submission("suite", &schema, used);
        given.formats = if in_format { Formats::Assert } else { Formats::Draft };
        let entry = match registry.compile(given) {
            Ok(entry) => entry,
            Err(fault) => {
                tally.failed.push(format!("{label}: not taken: {fault}"));
                continue;
            }
        };
        for test in case["tests"].as_array().unwrap() {
            let told = entry.accepts(&test["data"]);
            if told == test["valid"].as_bool().unwrap() {
                tally.passed += 1;
            } else {
                tally.failed.push(format!("{label}: {}", test["description"]));
            }
        }
    }
}

#[test]
fn every_draft_is_judged_as_the_suite_says() {
    for (draft, uri) in DRAFTS {
        let (registry, references) = remotes(draft, uri);
        let mut tally = Tally::default();
        let tests = folder().join("tests").join(draft);
        let files = json_files(&tests);
        assert!(!files.is_empty(), "no tests of {draft} in {}", tests.display());
        for file in files {
            run(&registry, &references, draft, uri, &file, &mut tally);
        }
        let known = |failed: &String| NOT_PASSED.iter().any(|what| failed.contains(what));
        tally.failed.retain(|failed| !known(failed));
        assert!(tally.passed > 100, "{draft}: only {} passed", tally.passed);
        assert!(tally.failed.is_empty(), "{draft}: {:#?}", tally.failed);
    }
}
