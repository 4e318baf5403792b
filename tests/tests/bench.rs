//! The bench works: a short run of every variant gives figures, and each event is verified.

use std::process::{Command, Output};

use serde_json::Value;
use sluicegate_tests::gateway;

fn bench(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments.split(' ')).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    report["lines"].as_array().unwrap().clone()
}

#[track_caller]
fn assert_measured(line: &Value) {
    let run = &line["runs"][0];
    for figure in ["cpu_us_per_event", "ratio_to_floor", "events_per_second", "p50_us", "p99_us"] {
        assert!(run[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure}: {line}");
    }
    assert!(run["resident_bytes_max"].as_u64().is_some_and(|bytes| bytes > 1_000_000), "{line}");
}

#[test]
fn the_floors_are_measured_in_closed_and_open_loop() {
    for mode in ["", " --rate 2000"] {
        let output =
            bench(&format!("--only bare --events 400 --runs 1 --connections 8 --json{mode}"));
        let lines = lines(&output);
        assert_eq!(lines.len(), 2);
        lines.iter().for_each(assert_measured);
        assert_eq!(lines[0]["ratio_to_floor"], 1.0);
    }
}

#[test]
fn every_variant_of_the_line_is_measured_and_verified() {
    let binary = gateway::binary();
    assert!(binary.is_file(), "{}", binary.display());
    let lines = lines(&bench("--events 400 --runs 1 --connections 8 --json"));
    let names: Vec<&str> = lines.iter().map(|line| line["line"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "bare hyper",
            "bare hyper + HMAC",
            "ingest only",
            "+ HMAC",
            "+ schema",
            "+ Wasm filter",
            "+ fsynced commit",
        ]
    );
    lines.iter().for_each(assert_measured);
}

#[test]
fn judging_a_payload_by_its_schema_is_measured() {
    let output = bench("schema");
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["payload_bytes"].as_u64().is_some_and(|bytes| bytes >= 10 * 1024));
    let judged = report["judge_us"].as_f64().unwrap();
    assert!(judged > 0.0 && report["parse_and_judge_us"].as_f64().unwrap() > judged, "{report}");
}

#[test]
fn wrong_options_are_named() {
    let output = bench("--fast");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--fast"));
}

#[test]
fn the_cost_of_proving_is_measured_for_ten_presets() {
    let output = bench("schemes --json");
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{faults}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 12, "none, the bare hash, and ten presets");
    for row in rows {
        assert!(row["us"].as_f64().is_some_and(|us| us > 0.0), "{row}");
    }
}
