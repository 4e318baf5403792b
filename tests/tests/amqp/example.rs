//! The story of `examples/amqp`, as a new user runs it.

use std::process::{Command, Stdio};

use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway;

#[test]
fn the_example_tells_its_whole_story() {
    let output = Command::new("bash")
        .arg(root().join("examples/amqp/try.sh"))
        .env("SLUICEGATE_BIN", gateway::binary())
        .env_remove("AMQP_URI")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{faults}", output.status);
    let mut rest: &str = &said;
    for part in [
        "\"event\":\"ready\"",
        "accepted: {\"order\": 17, \"total\": 99.5} shop=eu attempt=1",
        "accepted: {\"order\": 18,",
        "refused: {\"order\": 19, \"total\": -5} shop=eu attempt=1 (payload_invalid",
        "accepted: {\"order\": 20,",
        "Done.",
    ] {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part} is not in its place:\n{said}\n{faults}"));
        rest = &rest[at + part.len()..];
    }
}
