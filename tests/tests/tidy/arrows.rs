//! Which crate may import which, and who owns each heavy dependency: from `cargo metadata`.

use std::process::Command;

use serde_json::Value;
use sluicegate_tests::fixtures::root;

use crate::{assert_bites, assert_clean};

/// The rooms between the words and the hall.
const ROOMS: [&str; 6] = ["sources", "admission", "filters", "queue", "jetstream", "sinks"];

/// Heavy dependencies and the rooms that may name them.
const OWNERS: [(&str, &[&str]); 17] = [
    ("wasmtime", &["filters"]),
    ("wit-component", &["filters"]),
    ("wit-parser", &["filters"]),
    ("ring", &["admission", "queue", "sources"]),
    ("jsonschema", &["admission"]),
    ("hyper", &["sources", "sinks", "tests"]),
    ("hyper-util", &["sources", "sinks", "tests"]),
    ("lapin", &["sources", "sinks", "tests"]),
    ("rumqttd", &["sources", "sinks"]),
    ("rmqtt-codec", &["sources", "sinks"]),
    ("argon2", &["sources"]),
    ("tokio-tungstenite", &["sources"]),
    ("clap", &["server"]),
    ("schemars", &["server"]),
    ("saphyr", &["server"]),
    ("crc32c", &["queue", "tests"]),
    ("mimalloc", &["server"]),
];

/// What `core` may name: words need bytes, times and error texts, and nothing that acts.
const CORE_MAY: [&str; 4] = ["bytes", "jiff", "thiserror", "proptest"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The room of a package of ours: its name after `sluicegate-`.
fn room(package: &str) -> Option<&str> {
    package.strip_prefix("sluicegate-")
}

/// A dependency of a package of ours: the room, and what it names.
struct Arrow {
    from: String,
    to: String,
    for_tests_only: bool,
}

/// Every dependency of every package of ours.
fn arrows(metadata: &Value) -> Vec<Arrow> {
    let mut all = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let from = room(name).unwrap_or_else(|| panic!("{name} is not called sluicegate-..."));
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap().to_owned();
            let for_tests_only = dependency["kind"] == "dev";
            all.push(Arrow { from: from.to_owned(), to, for_tests_only });
        }
    }
    all
}

/// Arrows between our crates that the architecture does not have.
fn wrong_arrows(metadata: &Value) -> Vec<String> {
    let allowed = |from: &str, to: &str| match from {
        "core" => false,
        "server" => to == "core" || ROOMS.contains(&to),
        "tests" => true,
        _ => ROOMS.contains(&from) && to == "core",
    };
    let all = arrows(metadata);
    let ours = all.iter().filter_map(|arrow| Some((arrow.from.as_str(), room(&arrow.to)?)));
    ours.filter(|(from, to)| !allowed(from, to))
        .map(|(from, to)| format!("{from} must not import {to}"))
        .collect()
}

/// Heavy dependencies named outside the room that owns them. What only tests use is not in the
/// product.
fn strangers(metadata: &Value) -> Vec<String> {
    let all = arrows(metadata);
    let named = all.iter().filter(|arrow| !arrow.for_tests_only).filter_map(|arrow| {
        let (_, owners) = OWNERS.iter().find(|(heavy, _)| *heavy == arrow.to)?;
        let stranger = !owners.contains(&arrow.from.as_str());
        stranger.then(|| format!("{} must not name {}: {owners:?}", arrow.from, arrow.to))
    });
    named.collect()
}

/// What `core` names beyond its few.
fn core_actors(metadata: &Value) -> Vec<String> {
    let all = arrows(metadata);
    let core = all.iter().filter(|arrow| arrow.from == "core");
    core.filter(|arrow| !CORE_MAY.contains(&arrow.to.as_str()))
        .map(|arrow| format!("core must not name {}", arrow.to))
        .collect()
}

/// Metadata of one package with one dependency.
fn example(package: &str, dependency: &str) -> Value {
    serde_json::json!({
        "packages": [{ "name": package, "dependencies": [{ "name": dependency }] }]
    })
}

#[test]
fn rooms_import_only_core_and_only_tests_import_the_hall() {
    for (from, to) in [
        ("sluicegate-core", "sluicegate-queue"),
        ("sluicegate-sources", "sluicegate-admission"),
        ("sluicegate-sinks", "sluicegate-server"),
        ("sluicegate-server", "sluicegate-tests"),
    ] {
        let good = wrong_arrows(&example("sluicegate-server", "sluicegate-queue"));
        assert_bites(&wrong_arrows(&example(from, to)), &good);
    }
    assert_clean(&wrong_arrows(&metadata()));
}

#[test]
fn each_heavy_dependency_has_one_owner() {
    let good = strangers(&example("sluicegate-filters", "wasmtime"));
    assert_bites(&strangers(&example("sluicegate-server", "wasmtime")), &good);
    assert_clean(&strangers(&metadata()));
}

#[test]
fn core_names_nothing_that_acts() {
    let good = core_actors(&example("sluicegate-core", "bytes"));
    assert_bites(&core_actors(&example("sluicegate-core", "tokio")), &good);
    assert_clean(&core_actors(&metadata()));
}
