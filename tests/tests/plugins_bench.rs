//! The bench of filters works: a short run of the rows gives figures, and each answer is compared
//! with the right one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway;

fn bench(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("plugins")
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}

/// The folder of `target` in which the bench lies, as `target/debug/bench`.
fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_bench")).ancestors().nth(2).unwrap().to_owned()
}

/// Builds the guest that scans, traps and loops, where the bench looks for it.
fn build_scan() {
    let (guests, draft) = (target().join("guests"), format!("scan-c.{}", std::process::id()));
    fs::create_dir_all(&guests).unwrap();
    let tools = [target().join("tools/bin"), root().join("target/tools/bin")];
    let system = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(tools.into_iter().chain(env::split_paths(&system))).unwrap();
    let output = Command::new(gateway::binary())
        .args(["plugin", "build", "tests/fixtures/plugins/scan/c", "--output"])
        .arg(guests.join(&draft))
        .current_dir(root())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(guests.join(draft), guests.join("scan-c.wasm")).unwrap();
}

fn report(arguments: &str) -> Value {
    let output = bench(arguments);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_above_zero(row: &Value, figures: &[&str]) {
    assert!(row["fault"].is_null(), "{row}");
    for figure in figures {
        let value = row["runs"][0][*figure].as_f64();
        assert!(value.is_some_and(|value| value > 0.0), "{figure}: {row}");
    }
}

#[test]
fn calls_of_committed_guests_are_measured_beside_native_code() {
    let only = "payload/rust,fresh/c,memory/c,room/2,language/rust";
    let report = report(&format!("--quick --only {only} --json"));
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    let room = ["room/2", "room/2/unasked"];
    assert_eq!(
        names,
        [&["payload/rust", "fresh/c", "memory/c"], &room[..], &["language/rust"]].concat()
    );
    assert_above_zero(&rows[0], &["next_ns", "native_next_ns", "route_ns", "native_route_ns"]);
    assert_above_zero(&rows[1], &["p50_us", "p99_us"]);
    assert_above_zero(&rows[2], &["instance_before_kb", "instance_after_kb"]);
    assert_above_zero(&rows[3], &["events_per_second", "cpu_us_per_event", "guest_us_per_event"]);
    let language = ["size_kb", "first_load_ms", "p50_ns", "p99_ns", "fresh_p50_us", "instance_kb"];
    assert_above_zero(&rows[5], &language);
    assert!(report["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    let targets = report["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 4, "{targets:?}");
    assert!(targets.iter().all(|target| target["held"].is_boolean()));
}

#[test]
fn a_guest_that_scans_traps_and_loops_is_measured() {
    build_scan();
    let report = report("--quick --only scan/c,trap/c,loops/1 --json");
    let rows = report["rows"].as_array().unwrap();
    assert_above_zero(&rows[0], &["call_ns", "p99_ns"]);
    assert_above_zero(&rows[1], &["p50_us", "p99_us", "room_p50_us", "room_p99_us"]);
    let loops = ["p50_ms", "p99_ms", "max_ms", "alone_events_per_second", "share_of_loops_percent"];
    assert_above_zero(&rows[2], &loops);
    assert!(rows[2]["runs"][0]["p50_ms"].as_f64().unwrap() > 9.0, "{}", rows[2]);
}

#[test]
fn a_missing_guest_is_told_with_the_command_that_builds_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("debug")).unwrap();
    let bench = folder.path().join("debug/bench");
    fs::copy(env!("CARGO_BIN_EXE_bench"), &bench).unwrap();
    let output = Command::new(bench).args(["plugins", "--only", "language/go"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let command = "sluicegate plugin build plugins/severity-router/go --output";
    assert!(told.contains(command), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_options_and_rows_are_named() {
    for (arguments, word) in [("--fast", "--fast"), ("--only nothing", "payload/rust")] {
        let output = bench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{arguments}");
    }
}
