//! Replays through the line: the filters and routes of today decide about events of the past, and
//! letters that never reached a queue get a way back.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use sluicegate_tests::config::filtered;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::{self, Encoding};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::world::World;

const SEVERITY: &str = "{ path: \"{ROOT}/plugins/severity-router/rust/severity-router.wasm\", \
                        config: { threshold: high, queues: [ urgent ] } }";
const TRAP: &str = "{ path: \"{ROOT}/tests/fixtures/plugins/trap.wasm\" }";

/// The configuration with these routes and this plugin.
fn configuration(plugin: &str, routes: &str) -> String {
    filtered(
        &format!("  asked: {plugin}"),
        routes,
        &["inbox", "urgent", "copy", "dead-letters"]
            .map(|queue| format!("  {queue}: {{ retain: 1d }}"))
            .join("\n"),
    )
}

/// The same world with another configuration.
fn change(world: &World, plugin: &str, routes: &str) {
    let root = fixtures::root();
    let text = configuration(plugin, routes).replace("{ROOT}", &root.to_string_lossy());
    world.write("gateway.yaml", text);
}

fn deliver(gateway: &Gateway, event: &str, id: &str) -> String {
    let delivery = fixtures::github(event, Encoding::Json, id);
    gateway.deliver("/hooks/github", &delivery).accepted().id
}

/// Starts a job, waits until it is done, and gives it.
fn run(gateway: &Gateway, target: &str, body: &Value) -> Value {
    let answer = gateway.consumer().call(target, body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let job = wait_for("the job to end", || {
        let job = gateway.admin_get(&format!("/v1/jobs/{id}")).json();
        (job["state"] != "running").then_some(job)
    });
    assert_eq!(job["state"], "done", "{job}");
    job
}

const MAIN: &str = "  - { name: main, filters: [ asked ], to: [ inbox ] }";

#[test]
fn a_replay_through_the_line_asks_the_filters_again_and_marks_what_it_places() {
    let world = World::new(&configuration(SEVERITY, MAIN));
    let gateway = world.start();
    let push = deliver(&gateway, "push", "a");
    let alert = deliver(&gateway, "dependabot_alert", "b");
    let before = gateway.consumer().take("inbox", 1).remove(0);
    let last = gateway.consumer().take("urgent", 1).remove(0);
    for _ in 0..2 {
        // A replay never takes up what another replay placed: it was received later.
        let ask = json!({ "through": "line", "to": before_now(&last.event) });
        let job = run(&gateway, "/v1/replays", &ask);
        assert_eq!(
            (&job["counts"]["moved"], &job["counts"]["failed"]),
            (&json!(2), &json!(0)),
            "{job}"
        );
        let again = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!((again.attribute("id"), again.attempt), (&*push, 1));
        assert_eq!(again.attribute("sgreplay"), job["id"].as_str().unwrap());
        assert_eq!(again.payload, fixtures::github_payload("push"));
        assert_eq!(again.attribute("time"), before.attribute("time"));
        assert_ne!(again.attribute("sgreceivedtime"), before.attribute("sgreceivedtime"));
        assert_eq!(gateway.consumer().take("urgent", 1)[0].attribute("id"), alert);
    }
    // The door remembers the deliveries all the same.
    let again = gateway.deliver("/hooks/github", &fixtures::github("push", Encoding::Json, "a"));
    assert_eq!(again.accepted().id, push);
}

/// A time after both events of the test were received and before any replay began: a second after
/// the last, for which the test waits.
fn before_now(event: &Value) -> String {
    let received = event["sgreceivedtime"].as_str().unwrap();
    let date = format!("{received} + 1 second");
    let later = |text: &str| {
        let date = Command::new("date").args(["-u", "-d", text, "+%FT%T.%NZ"]).output();
        String::from_utf8(date.expect("coreutils").stdout).unwrap().trim().to_owned()
    };
    let limit = later(&date);
    wait_for("the time of the replay", || (later("now") > limit).then_some(()));
    limit
}

#[test]
fn letters_that_never_reached_a_queue_come_back_through_the_line() {
    let world = World::new(&configuration(
        SEVERITY,
        "  - { name: push, when: { type: [ push ] }, to: [ inbox ] }",
    ));
    let gateway = world.start();
    let issue = deliver(&gateway, "issues", "a");
    deliver(&gateway, "ping", "b");
    let redriven = gateway.consumer().call("/v1/queues/dead-letters/redrive", &json!({}));
    assert_eq!(redriven.json(), json!({ "moved": 0, "left": 2 }));
    assert!(gateway.stop().success());

    change(&world, SEVERITY, "  - { name: issues, when: { type: [ issues ] }, to: [ inbox ] }");
    let gateway = world.start();
    let ask = json!({ "when": { "type": [ "issues" ] }, "cause": "unrouted", "dry_run": true });
    let dry = run(&gateway, "/v1/queues/dead-letters/replay", &ask);
    assert_eq!((&dry["counts"]["moved"], gateway.consumer().depth("dead-letters")), (&json!(1), 2));
    let ask = json!({ "when": { "type": [ "issues" ] }, "cause": "unrouted" });
    let job = run(&gateway, "/v1/queues/dead-letters/replay", &ask);
    assert_eq!((&job["counts"]["read"], &job["counts"]["moved"]), (&json!(2), &json!(1)), "{job}");
    let back = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(back.attribute("id"), issue);
    assert_eq!(back.attribute("sgreplay"), job["id"].as_str().unwrap());
    assert_eq!(gateway.consumer().depth("dead-letters"), 1, "the ping is still there");
    // What is still unrouted is a letter again; the job does not go round in circles.
    let job = run(&gateway, "/v1/queues/dead-letters/replay", &json!({}));
    assert_eq!(job["counts"]["moved"], 1, "{job}");
    assert_eq!(gateway.consumer().depth("dead-letters"), 1);
}

#[test]
fn an_event_that_one_route_lost_goes_there_again_and_nowhere_else() {
    let routes = format!("{MAIN}\n  - {{ name: copies, to: [ copy ] }}");
    let world = World::new(&configuration(TRAP, &routes));
    let gateway = world.start();
    let id = deliver(&gateway, "issues", "a");
    assert_eq!(gateway.consumer().take("copy", 1)[0].attribute("id"), id);
    assert_eq!(gateway.consumer().depth("dead-letters"), 1);
    assert!(gateway.stop().success());

    change(&world, SEVERITY, &routes);
    let gateway = world.start();
    run(&gateway, "/v1/queues/dead-letters/replay", &json!({}));
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), id);
    assert_eq!(gateway.consumer().depth("copy"), 0, "that route had it");
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);
}

#[test]
fn a_queue_that_was_added_later_starts_in_the_past() {
    let world = World::new(&configuration(SEVERITY, MAIN));
    let gateway = world.start();
    let sent: Vec<String> = (0..5).map(|at| deliver(&gateway, "push", &at.to_string())).collect();
    assert_eq!(gateway.consumer().take("inbox", 5).len(), 5);
    assert!(gateway.stop().success());
    let text = configuration(SEVERITY, MAIN).replace("  copy:", "  late: {}\n  copy:");
    world.write("gateway.yaml", text.replace("{ROOT}", &fixtures::root().to_string_lossy()));
    let gateway = world.start();
    let job = run(&gateway, "/v1/replays", &json!({ "queue": "late" }));
    assert_eq!(job["counts"]["moved"], 5, "{job}");
    let late = gateway.consumer().take("late", 5);
    let ids: Vec<&str> = late.iter().map(|one| one.attribute("id")).collect();
    assert_eq!(ids, sent, "in the order in which they came");
    assert!(late.iter().all(|one| one.attribute("sgreplay").is_empty()));
}

#[test]
fn a_letter_of_a_broken_schema_is_held_against_the_schema_of_today() {
    let text = configuration(SEVERITY, MAIN)
        .replace("version: 1\n", "version: 1\nschemas: ./schemas\n")
        .replace(
            "    verify:",
            "    schema: { subject: \"github.{type}\", on_unknown: accept, on_violation: dead-letter }\n    verify:",
        );
    let world = World::new(&text);
    world.write("schemas/github.ping.json", r#"{"required":["none"]}"#);
    let gateway = world.start();
    let id = deliver(&gateway, "ping", "a");
    let replay = "/v1/queues/dead-letters/replay";
    let job = run(&gateway, replay, &json!({}));
    assert_eq!(
        (&job["counts"]["moved"], &job["counts"]["failed"]),
        (&json!(0), &json!(1)),
        "{job}"
    );
    assert_eq!(job["note"]["code"], "payload_invalid", "{job}");
    let job = run(&gateway, "/v1/replays", &json!({ "through": "line" }));
    assert_eq!(job["counts"]["failed"], 1, "the past is no way around a schema: {job}");
    assert_eq!(gateway.consumer().depth("dead-letters"), 1);
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    assert!(gateway.stop().success());

    world.write("schemas/github.ping.json", r#"{"required":["zen"]}"#);
    let gateway = world.start();
    let job = run(&gateway, replay, &json!({}));
    assert_eq!(job["counts"]["moved"], 1, "{job}");
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), id);
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);
}

#[test]
fn a_replay_through_the_line_goes_on_after_kills_and_leaves_nothing_out() {
    let world = World::new(&configuration(SEVERITY, MAIN));
    let mut gateway = world.start();
    let sent: BTreeSet<String> =
        (0..60).map(|at| deliver(&gateway, "push", &at.to_string())).collect();
    let before = gateway.consumer().take("inbox", 60);
    let ask = json!({ "through": "line", "rate": 30, "to": before_now(&before[59].event) });
    let answer = gateway.consumer().call("/v1/replays", &ask);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let job = |gateway: &Gateway| gateway.admin_get(&format!("/v1/jobs/{id}")).json();
    for moved in [10, 30] {
        wait_for("some of it", || {
            (job(&gateway)["counts"]["moved"].as_u64() >= Some(moved)).then_some(())
        });
        gateway.kill();
        gateway = world.start();
    }
    let ended =
        wait_for("the job to end", || Some(job(&gateway)).filter(|job| job["state"] != "running"));
    assert_eq!((&ended["state"], &ended["counts"]["failed"]), (&json!("done"), &json!(0)));
    let placed = gateway.consumer().drain("inbox");
    let ids: BTreeSet<String> = placed.iter().map(|one| one.attribute("id").to_owned()).collect();
    assert_eq!(ids, sent);
    assert!(placed.iter().all(|one| one.attribute("sgreplay") == id));
    // Of each life the page that was not noted may have been placed again: four events at most.
    assert!(placed.len() <= 60 + 2 * 4, "{}", placed.len());
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);
}
