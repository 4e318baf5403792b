//! The queue engine's bench works: a short run of every row that needs no broker gives figures,
//! and each event is verified.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("queue")
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}

fn report(arguments: &str) -> Value {
    let output = bench(arguments);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_above_zero(row: &Value, figures: &[&str]) {
    for figure in figures {
        let value = row["runs"][0][*figure].as_f64();
        assert!(value.is_some_and(|value| value > 0.0), "{figure}: {row}");
    }
}

#[test]
fn commits_and_the_way_through_are_measured_beside_the_raw_loop() {
    let report = report("--quick --seconds 0.2 --only raw/,commit/,through/64,ground/1 --json");
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    let own = ["raw/64", "commit/64", "commit/64/10-queues", "raw/1", "commit/1", "through/64"];
    assert_eq!(names, [&own[..], &["ground/1/zeroed"]].concat());
    for row in rows {
        let figures = ["events_per_second", "p50_us", "p99_us", "max_us", "flushes_per_second"];
        assert_above_zero(row, &figures);
        assert_eq!(row["faults"].as_array().unwrap().len(), 0, "{row}");
    }
    let targets = report["targets"].as_array().unwrap();
    assert_eq!(targets[0]["against"], "raw/64");
    assert!(targets.iter().all(|target| target["held"].is_boolean()));
    assert!(report["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    assert_eq!(report["payload_bytes"], 1024);
}

#[test]
fn a_slow_disk_is_met_by_the_raw_loop_and_by_the_engine() {
    let report = report("--quick --seconds 0.2 --only slow/raw,slow/commit --json");
    for row in report["rows"].as_array().unwrap() {
        let mean = row["runs"][0]["flush_mean_us"].as_f64();
        assert!(mean.is_some_and(|mean| mean >= 2000.0), "{row}");
    }
}

#[test]
fn a_backlog_survives_a_kill_and_timers_hold_still() {
    let report =
        report("--quick --seconds 0.2 --backlog 5000 --timers 1000 --only backlog,timers --json");
    let rows = report["rows"].as_array().unwrap();
    let backlog = [
        "resident_mb",
        "resident_max_mb",
        "commit_ratio_to_empty",
        "drain_ratio_to_empty",
        "recovery_seconds",
        "start_resident_max_mb",
    ];
    assert_above_zero(&rows[0], &backlog);
    assert_above_zero(&rows[1], &["resident_mb", "leases_per_second", "delays_per_second"]);
    assert!(rows[1]["runs"][0]["idle_cpu_percent"].is_number(), "{}", rows[1]);
}

#[test]
fn wrong_options_and_rows_are_named() {
    for (arguments, word) in
        [("--fast", "--fast"), ("--only nothing", "raw/64"), ("kill --x", "--x")]
    {
        let output = bench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{arguments}");
    }
}
