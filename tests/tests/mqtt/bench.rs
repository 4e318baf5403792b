//! The bench of MQTT works: a short run gives figures for the gateway and for Mosquitto, and every
//! event is verified.

use std::process::Command;

use serde_json::Value;

#[test]
fn publishers_and_pairs_are_measured_beside_mosquitto() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["mqtt", "--messages", "400", "--runs", "1", "--publishers", "8", "--json"])
        .output()
        .unwrap();
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6, "{report}");
    for row in rows {
        for figure in ["rate", "p50_us", "p99_us", "resident_bytes"] {
            assert!(row[figure].as_f64().is_some_and(|value| value > 0.0), "{figure}: {row}");
        }
    }
}
