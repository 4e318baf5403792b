//! The example plugins, as they are committed: each passes its cases with the real binary, and
//! decides about a real delivery in a gateway.

use std::process::Output;

use serde_json::Value;
use sluicegate_tests::config::filtered;
use sluicegate_tests::fixtures::{self, Encoding, root};
use sluicegate_tests::world::World;

fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}{faults}");
    said
}

/// The folder of a plugin in Rust.
fn folder(plugin: &str) -> String {
    root().join("plugins").join(plugin).join("rust").display().to_string()
}

#[test]
fn every_plugin_with_cases_passes_them() {
    let world = World::new("");
    for plugin in ["sigma", "cloudevents"] {
        let told = said(&world.run(&["plugin", "test", &folder(plugin)]), 0);
        assert!(told.contains(", 0 failed"), "{told}");
    }
}

/// A gateway whose one route asks this plugin.
fn world(plugin: &str, config: &str) -> World {
    let file = fixtures::plugin(plugin).display().to_string();
    World::new(&filtered(
        &format!("  asked:\n    path: {file}\n    config: {config}"),
        "  - { name: main, filters: [ asked ], to: [ inbox ] }",
        "  inbox: {}\n  soc: {}",
    ))
}

/// Delivers GitHub's published payload of this event; what comes out of that queue.
fn delivered(world: &World, event: &str, queue: &str) -> Value {
    let gateway = world.start();
    let delivery = fixtures::github(event, Encoding::Json, event);
    assert_eq!(gateway.deliver("/hooks/github", &delivery).status, 202);
    let taken = gateway.consumer().take(queue, 1).remove(0);
    assert_eq!(taken.payload, fixtures::github_payload(event), "the payload stays");
    taken.event
}

#[test]
fn sigma_routes_an_alert_of_github_by_a_rule() {
    let rule = "{ title: Vulnerable package, id: gh-1, level: high, detection: {
        alert: { alert.state: open, \"alert.security_advisory.severity\": [ high, critical ] },
        type: { \"@type\": dependabot_alert }, condition: alert and type } }";
    let world = world("sigma", &format!("{{ queues: [ soc ], rules: [ {rule} ] }}"));
    let event = delivered(&world, "dependabot_alert", "soc");
    assert_eq!((&event["sigmarules"], &event["sigmalevel"]), (&"gh-1".into(), &"high".into()));
    delivered(&world, "push", "inbox");
}

#[test]
fn cloudevents_gives_a_delivery_of_github_its_type_and_subject() {
    let world = world("cloudevents", "{ provider: github }");
    let event = delivered(&world, "pull_request", "inbox");
    assert_eq!(event["type"], "com.github.pull_request.opened");
    assert_eq!(event["subject"], "2");
    assert_eq!(event["origin"], "https://api.github.com/repos/Codertocat/Hello-World");
    assert_eq!(event["occurred"], "2019-05-15T15:20:33Z");
    let event = delivered(&world, "issues", "inbox");
    assert_eq!(event["type"], "com.github.issue.opened");
}
