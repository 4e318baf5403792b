//! The stories that the examples tell, as a new user runs them: `try.sh`.

use std::process::{Command, Stdio};

use sluicegate_tests::fixtures::{github_payload, root};
use sluicegate_tests::gateway;

/// Runs the `try.sh` of an example, and wants it to say these parts in this order.
fn tells(example: &str, parts: &[&str]) {
    let output = Command::new("bash")
        .arg(root().join(format!("examples/{example}/try.sh")))
        .env("SLUICEGATE_BIN", gateway::binary())
        .env_remove("AMQP_URI")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{faults}", output.status);
    let mut rest: &str = &said;
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part} is not in its place:\n{said}\n{faults}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_quickstart_tells_its_whole_story() {
    // Taken, taken again, a forgery refused, filtered, settled, kept over a crash.
    let parts = [
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
    ];
    tells("quickstart", &parts);
}

#[test]
fn five_providers_are_proven_and_a_wrong_secret_is_found_and_mended() {
    let parts = [
        "1. Stripe",
        "\"duplicate\":false",
        "2. Slack",
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
        "\"duplicate\":false",
        "3. Twilio",
        "\"duplicate\":false",
        "4. Clerk",
        "\"duplicate\":false",
        "signature_refused",
        "the secret is another one",
        "signature_refused",
        "reserialised",
        "is event",
        "\"duplicate\":true",
        "payments",
        "Done.",
    ];
    tells("providers", &parts);
}

#[test]
fn readings_of_meters_outlive_a_kill_and_reach_a_worker() {
    let parts = [
        "\"mqtt\":",
        "published",
        "published",
        "depth: 1",
        "refused: ",
        "depth: 1",
        "\"event\":\"ready\"",
        "depth: 1",
        "$queue/readings: {\"kWh\":1.5}",
        "depth: 0",
        "commands/meter-9/rate: {\"seconds\": 60}",
        "Done.",
    ];
    tells("mqtt", &parts);
}

#[test]
fn orders_of_a_rabbitmq_are_taken_refused_and_published() {
    let parts = [
        "\"event\":\"ready\"",
        "accepted: {\"order\": 17, \"total\": 99.5} shop=eu attempt=1",
        "accepted: {\"order\": 18,",
        "refused: {\"order\": 19, \"total\": -5} shop=eu attempt=1 (payload_invalid",
        "accepted: {\"order\": 20,",
        "Done.",
    ];
    tells("amqp", &parts);
}

#[test]
fn a_bridge_carries_both_ways_while_either_side_is_away() {
    let parts = [
        "press published 21.5",
        "plant/press/reading: {\"value\":21.5}",
        "plant/press/command: slower",
        "press published 22.5",
        "plant/press/reading: {\"value\":22.5}",
        "plant/press/command: stop",
        "mqtt_sink_down",
        "plant/press/command: start",
        "Done.",
    ];
    tells("bridge", &parts);
}

#[test]
fn the_events_of_the_quickstart_are_the_real_deliveries() {
    for event in ["code_scanning_alert", "dependabot_alert", "push"] {
        let path = root().join(format!("examples/quickstart/events/{event}.json"));
        assert_eq!(std::fs::read(path).unwrap(), github_payload(event), "{event}");
    }
}
