//! The story that the README tells, as a new user runs it: `examples/quickstart/try.sh`.

use std::process::{Command, Stdio};

use sluicegate_tests::fixtures::{github_payload, root};
use sluicegate_tests::gateway;

#[test]
fn the_quickstart_tells_its_whole_story() {
    let output = Command::new("bash")
        .arg(root().join("examples/quickstart/try.sh"))
        .env("SLUICEGATE_BIN", gateway::binary())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{faults}", output.status);
    // In this order: taken, taken again, a forgery refused, filtered, settled, kept over a crash.
    let mut rest: &str = &said;
    for part in [
        "\"event\":\"ready\"",
        "\"duplicate\":false",
        "\"duplicate\":true",
        "signature_refused",
        "\"duplicate\":false",
        "attempt 1: dependabot_alert from github",
        "\"status\":\"done\"",
        "\"depth\":0",
        "archive: push",
        "Done.",
    ] {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part} is not in its place:\n{said}\n{faults}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_events_of_the_quickstart_are_the_real_deliveries() {
    for event in ["code_scanning_alert", "dependabot_alert", "push"] {
        let path = root().join(format!("examples/quickstart/events/{event}.json"));
        assert_eq!(std::fs::read(path).unwrap(), github_payload(event), "{event}");
    }
}
