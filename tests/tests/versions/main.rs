//! Versions of plugins through the real binary: swapped under load, rolled back by themselves,
//! compared in shadow and over past events, paused, and kept across restarts.

mod load;
mod places;
mod tools;

use std::fs;
use std::time::Duration;

use serde_json::Value;
use sluicegate_tests::config::filtered;
use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::fixtures::{self, Encoding, root};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

/// Compiling a plugin in a debug build is the slowest thing that a put does.
const LOADED: Duration = Duration::from_secs(60);

/// A world whose one plugin, `asked`, stands before `inbox`, and is `one.wasm` with these settings.
fn world(settings: &str) -> World {
    let world = World::new(&filtered(
        &format!("  asked: {{ path: one.wasm, {settings} }}"),
        "  - { name: main, filters: [ asked ], to: [ inbox ] }",
        "  inbox: { retain: 1d }",
    ));
    world.write("one.wasm", redactor(1));
    world
}

/// The redactor masks the member `ref` of what senders send, so every event says who changed it.
const MASKS: &str = "config: { keys: [ ref ] }";

/// The redactor as its version of this number: the same code, other bytes.
fn redactor(number: u8) -> Vec<u8> {
    let mut bytes = fs::read(fixtures::plugin("redactor")).unwrap();
    // A custom section: its id, its length, the length of its name, its name.
    bytes.extend([0, 3, 1, b'v', number]);
    bytes
}

fn trap() -> Vec<u8> {
    fs::read(root().join("tests/fixtures/plugins/trap.wasm")).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    signing::hex(&signing::sha256(bytes))
}

fn ask(gateway: &Gateway, method: &str, part: &str, body: &[u8]) -> Response {
    let headers = http::headers(&[("Content-Type", "application/wasm")]);
    let target = format!("/v1/plugins/asked{part}");
    http::send(gateway.admin(), &http::request(method, &target, &headers, body))
}

fn put(gateway: &Gateway, query: &str, bytes: &[u8]) -> Response {
    ask(gateway, "PUT", query, bytes)
}

/// Puts a version in place, or in shadow, and fails the test if that is refused.
fn placed(gateway: &Gateway, query: &str, bytes: &[u8]) {
    let answer = put(gateway, query, bytes);
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn shown(gateway: &Gateway) -> Value {
    let answer = ask(gateway, "GET", "", b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Which version made this event: the first twelve digits of its digest.
fn made_by(one: &Delivered) -> String {
    one.attribute("sgfilter").trim_start_matches("asked@").to_owned()
}

fn deliver(gateway: &Gateway, event: &str, id: &str) -> Response {
    gateway.deliver("/hooks/github", &fixtures::github(event, Encoding::Json, id))
}
