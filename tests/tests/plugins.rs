//! `sluicegate plugin` as an author uses it, and the cache of compiled plugins of a gateway.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use sluicegate_tests::config::filtered;
use sluicegate_tests::fixtures;
use sluicegate_tests::world::World;

fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}{faults}");
    format!("{said}{faults}")
}

fn plugin(name: &str) -> String {
    fixtures::plugin(name).display().to_string()
}

const CASES: &str = "
config: { threshold: high, queues: [ urgent ] }
cases:
  - name: high is routed
    event: { type: dependabot_alert, json: { alert: { security_advisory: { severity: high } } } }
    expect: { decision: route, queues: [ urgent ] }
  - name: a push is not its matter
    event: { type: push }
    expect: { unsubscribed: true }
  - name: a threshold that is none is refused
    config: { threshold: hot, queues: [ a ] }
    expect: { refused: threshold }
  - name: bytes are not text
    event: { type: dependabot_alert, base64: /w== }
    expect: { failure: failed, reason: not text }
";

#[test]
fn cases_pass_and_each_says_what_it_cost() {
    let world = World::new("");
    world.write("cases.yaml", CASES);
    let router = plugin("severity-router");
    let told = said(&world.run(&["plugin", "test", &router]), 0);
    assert!(told.contains("4 passed, 0 failed"), "{told}");
    let lines = said(&world.run(&["plugin", "test", &router, "--sweep", "--json"]), 0);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4 + 6);
    assert!(lines[0]["instructions"].as_u64().unwrap() > 0);
    assert!(lines[0]["memory_bytes"].as_u64().unwrap() > 0);
    assert_eq!(lines[9]["payload_bytes"], 1 << 20);
    let again = said(&world.run(&["plugin", "test", &router, "--json"]), 0);
    let again: Value = serde_json::from_str(again.lines().next().unwrap()).unwrap();
    assert_eq!(again["instructions"], lines[0]["instructions"], "counts do not depend on luck");
}

#[test]
fn a_case_that_fails_says_what_was_answered() {
    let world = World::new("");
    world.write(
        "cases.yaml",
        CASES.replace(
            "queues: [ urgent ] }\n  - name: a push",
            "queues: [ other ] }\n  - name: a push",
        ),
    );
    let told = said(&world.run(&["plugin", "test", &plugin("severity-router")]), 1);
    assert!(told.contains("3 passed, 1 failed"), "{told}");
    assert!(told.contains(r#"answered: {"decision":"route","queues":["urgent"]}"#), "{told}");
}

#[test]
fn a_bad_file_of_cases_is_told_with_its_line() {
    let world = World::new("");
    let router = plugin("severity-router");
    for (text, wanted) in [
        ("cases:\n  - name: a\n    expect: { decison: drop }\n", "did you mean \"decision\""),
        ("cases:\n  - name: a\n    expect: {}\n", "say one of"),
        ("cases: []\n", "cases.yaml:1"),
        (
            "cases:\n  - name: a\n    event: { time: noon }\n    expect: { decision: next }\n",
            "time",
        ),
    ] {
        world.write("cases.yaml", text);
        let told = said(&world.run(&["plugin", "test", &router]), 1);
        assert!(told.contains(wanted), "{text}: {told}");
    }
}

#[test]
fn a_plugin_is_run_measured_and_inspected() {
    let world = World::new("");
    world.write("event.yaml", "{ type: dependabot_alert, json: { alert: {} } }");
    let (router, config) = (plugin("severity-router"), r#"{"threshold":"low","queues":["a"]}"#);
    let run = ["plugin", "run", &router, "--event", "event.yaml", "--config", config];
    let told = said(&world.run(&run), 0);
    assert!(told.contains(r#""decision": "next""#) && told.contains("instructions"), "{told}");
    let told = said(&world.run(&["plugin", "run", &router, "--event", "event.yaml"]), 1);
    assert!(told.contains("[plugin_config_refused]"), "{told}");
    let mut bench = run;
    bench[1] = "bench";
    let told = said(&world.run(&[&bench[..], &["--calls", "1000", "--json"]].concat()), 0);
    let kept: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert!(kept["p50_ns"].as_u64().unwrap() > 0);
    let told = said(&world.run(&["plugin", "inspect", &router]), 0);
    assert!(told.contains("sluicegate:plugin/filter-plugin@0.1.0"), "{told}");
    world.write("text.wasm", "not wasm at all");
    let told = said(&world.run(&["plugin", "inspect", "text.wasm"]), 1);
    assert!(told.contains("[plugin_not_wasm]"), "{told}");
}

fn gateway(world: &World) {
    let gateway = world.start();
    let alert = fixtures::github("dependabot_alert", fixtures::Encoding::Json, "1");
    assert_eq!(gateway.deliver("/hooks/github", &alert).status, 202);
    assert!(gateway.stop().success());
}

fn compiled(world: &World) -> Vec<PathBuf> {
    let files = fs::read_dir(world.path("data/compiled")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn what_was_compiled_is_private_used_again_and_not_trusted_when_it_is_damaged() {
    let router = plugin("severity-router");
    let world = World::new(&filtered(
        &format!(
            "  router: {{ path: {router}, config: {{ threshold: high, queues: [ inbox ] }} }}"
        ),
        "  - { name: main, filters: [ router ], to: [ inbox ] }",
        "  inbox: {}",
    ));
    gateway(&world);
    let first = compiled(&world);
    assert_eq!(first.len(), 1);
    assert_eq!(fs::metadata(&first[0]).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(world.path("data/compiled")).unwrap().mode() & 0o777, 0o700);
    let inode = fs::metadata(&first[0]).unwrap().ino();
    gateway(&world);
    assert_eq!(fs::metadata(&compiled(&world)[0]).unwrap().ino(), inode, "it was used again");
    let whole = fs::read(&first[0]).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&first[0], damaged).unwrap();
    gateway(&world);
    assert_eq!(compiled(&world), first);
    assert_eq!(fs::read(&first[0]).unwrap(), whole, "it was made again");
    fs::set_permissions(&first[0], fs::Permissions::from_mode(0o666)).unwrap();
    gateway(&world);
    assert_eq!(compiled(&world), first);
    assert_eq!(fs::metadata(&first[0]).unwrap().mode() & 0o777, 0o600, "it was made again");
}
