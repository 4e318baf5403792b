//! `sluicegate queue` against a running gateway: tables, JSON, jobs, and clear errors.

use std::process::Output;

use serde_json::{Value, json};
use sluicegate_tests::config;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http;
use sluicegate_tests::world::World;

const QUEUES: &str = "  inbox: { retry: { attempts: 1 }, dead_letter: dead, retain: 1d }
  dead: { retain: 1d }
  other: { retain: 1d }";

fn start() -> (World, Gateway) {
    let world = World::new(&config::open_source(QUEUES));
    let gateway = world.start();
    (world, gateway)
}

fn post(gateway: &Gateway, body: &str) -> String {
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let request = http::request("POST", "/hooks/open", &headers, body.as_bytes());
    gateway.send(&request).accepted().id
}

/// Runs `sluicegate queue` against the gateway.
fn queue(world: &World, gateway: &Gateway, arguments: &[&str]) -> Output {
    let url = format!("http://{}", gateway.admin());
    world.run(&[&["queue", "--admin", &url], arguments].concat())
}

/// What it printed; it must have been done.
#[track_caller]
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", complaint(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one document that it printed.
#[track_caller]
fn document(output: &Output) -> Value {
    let text = said(output);
    serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

/// Gives up everything in `inbox`.
fn give_up(gateway: &Gateway, count: usize) {
    let consumer = gateway.consumer();
    let mut given_up = 0;
    while given_up < count {
        for one in consumer.receive("inbox", 100, 1_000) {
            let nack = json!({ "nack": [{ "receipt": one.receipt, "reason": "no" }] });
            consumer.settle("inbox", &nack);
            given_up += 1;
        }
    }
    wait_for("the letters", || (consumer.depth("dead") == count as u64).then_some(()));
}

#[test]
fn queues_are_listed_as_a_table_and_as_json() {
    let (world, gateway) = start();
    post(&gateway, "1");
    post(&gateway, "2");
    let table = said(&queue(&world, &gateway, &["ls"]));
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["queue", "depth", "ready"]);
    let inbox = rows.iter().find(|row| row[0] == "inbox").unwrap();
    assert_eq!(inbox[1..3], ["2", "2"]);
    let all = document(&queue(&world, &gateway, &["ls", "--json"]));
    assert_eq!(all["queues"].as_array().unwrap().len(), 4, "{all}");

    let shown = said(&queue(&world, &gateway, &["show", "inbox"]));
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["depth", "2"])), "{shown}");
    assert_eq!(document(&queue(&world, &gateway, &["show", "inbox", "--json"]))["depth"], 2);
    let stats = said(&queue(&world, &gateway, &["stats", "inbox"]));
    assert!(stats.lines().nth(1).unwrap().starts_with("inbox"), "{stats}");
    assert_eq!(
        document(&queue(&world, &gateway, &["stats", "--json"]))["queues"][0]["name"],
        "dead"
    );
}

#[test]
fn a_redrive_is_counted_done_and_followed_from_the_command_line() {
    let (world, gateway) = start();
    (0..12).for_each(|n| drop(post(&gateway, &format!("{{\"n\":{n}}}"))));
    give_up(&gateway, 12);
    let when = r#"{"payload":{"n":[{"numeric":["<",4]}]}}"#;
    let dry = said(&queue(&world, &gateway, &["redrive", "dead", "--when", when, "--dry-run"]));
    assert!(dry.starts_with("4 would move\n") && dry.contains("attempts_exhausted"), "{dry}");
    world.write("when.json", when);
    let file = ["redrive", "dead", "--when", "@when.json", "--max", "3", "--json"];
    let moved = document(&queue(&world, &gateway, &file));
    assert_eq!(moved, json!({ "moved": 3, "left": 0, "failed": 0 }));

    let followed = queue(&world, &gateway, &["redrive", "inbox", "--rate", "1000"]);
    assert!(complaint(&followed).starts_with("job "), "{}", complaint(&followed));
    assert!(said(&followed).contains("is done: 9 moved, 0 left, 0 failed"), "{followed:?}");
    assert_eq!(gateway.consumer().depth("inbox"), 12);
}

#[test]
fn a_replay_is_begun_listed_cancelled_resumed_and_waited_for() {
    let (world, gateway) = start();
    (0..20).for_each(|n| drop(post(&gateway, &n.to_string())));
    let begun = ["replay", "--into", "other", "--rate", "1", "--source", "open", "--detach"];
    let id = said(&queue(&world, &gateway, &begun)).trim().to_owned();
    let jobs = |arguments: &[&str]| queue(&world, &gateway, &[&["jobs"], arguments].concat());
    let table = said(&jobs(&[]));
    assert!(
        table.lines().nth(1).unwrap().starts_with(&*format!("{id}  replay  running")),
        "{table}"
    );
    assert!(said(&jobs(&["cancel", &id])).contains("is cancelled"));
    let again = jobs(&["cancel", &id]);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("[job_state]"), "{}", complaint(&again));
    let waited = jobs(&["wait", &id]);
    assert_eq!(waited.status.code(), Some(3), "a job that was cancelled is not done");
    assert_eq!(document(&jobs(&["show", &id, "--json"]))["state"], "cancelled");
    assert!(said(&jobs(&["resume", &id])).contains("is running"));
    assert!(said(&jobs(&["cancel", &id])).contains("is cancelled"));

    let quick =
        document(&queue(&world, &gateway, &["replay", "--into", "other", "--dry-run", "--json"]));
    assert_eq!((&quick["state"], &quick["counts"]["moved"]), (&json!("done"), &json!(20)));
}

#[test]
fn a_gateway_that_is_not_there_and_a_command_that_is_misused_are_told_apart() {
    let (world, gateway) = start();
    let admin = gateway.admin();
    assert!(gateway.stop().success());
    let url = format!("http://{admin}");
    let gone = world.run(&["queue", "ls", "--admin", &url]);
    assert_eq!(gone.status.code(), Some(3));
    assert!(complaint(&gone).contains("is the gateway running?"), "{}", complaint(&gone));
    for misused in [
        vec!["purge", "inbox"],
        vec!["show", "a/b"],
        vec!["replay"],
        vec!["replay", "--into", "a", "--through-line"],
        vec!["redrive", "a", "--when", "{"],
        vec!["redrive", "a", "--rate", "0"],
        vec!["peek", "a", "--after", "soon"],
    ] {
        let output = world.run(&[&["queue", "--admin", &url], &*misused].concat());
        assert_eq!(output.status.code(), Some(2), "{misused:?}: {}", complaint(&output));
        assert!(!complaint(&output).is_empty());
    }
}

#[test]
fn queues_are_made_filled_paused_held_purged_and_removed() {
    let (world, gateway) = start();
    (0..3).for_each(|n| drop(post(&gateway, &format!("{{\"n\":{n}}}"))));
    let run = |arguments: &[&str]| queue(&world, &gateway, arguments);
    let when = r#"{"payload":{"n":[1,2]}}"#;
    let settings = r#"{"retry":{"attempts":3}}"#;
    let past = ["--from", "2026-01-01T00:00:00Z", "--when", when];
    let made = run(&[&["create", "late", "--settings", settings], &past[..]].concat());
    assert!(said(&made).contains("is done: 2 moved"), "{made:?}");
    let shown = document(&run(&["show", "late", "--json"]));
    assert_eq!((&shown["depth"], &shown["settings"]["retry"]["attempts"]), (&json!(2), &json!(3)));

    assert_eq!(said(&run(&["pause", "late"])), "late: paused\n");
    assert_eq!(document(&run(&["show", "late", "--json"]))["settings"]["paused"], true);
    assert_eq!(said(&run(&["resume", "late"])), "late: resumed\n");
    assert_eq!(document(&run(&["hold", "late", "--json"])), json!({ "hold": true }));
    assert_eq!(said(&run(&["hold", "late", "--lift"])), "late: no longer held\n");

    let full = run(&["rm", "late"]);
    assert_eq!(full.status.code(), Some(1));
    assert!(complaint(&full).contains("[queue_not_empty]"), "{}", complaint(&full));
    assert_eq!(said(&run(&["purge", "late", "--yes"])), "late: 2 purged\n");
    wait_for("the queue to go", || run(&["rm", "late"]).status.success().then_some(()));
    assert_eq!(run(&["show", "late"]).status.code(), Some(1));
}

#[test]
fn events_are_looked_at_page_by_page_and_cannot_steer_the_terminal() {
    let (world, gateway) = start();
    let sent: Vec<String> = (0..3).map(|n| post(&gateway, &n.to_string())).collect();
    let first = document(&queue(&world, &gateway, &["peek", "inbox", "--limit", "2", "--json"]));
    assert_eq!(first["events"].as_array().unwrap().len(), 2, "{first}");
    let after = first["next"].as_str().unwrap();
    let rest = said(&queue(&world, &gateway, &["peek", "inbox", "--after", after]));
    let row: Vec<&str> = rest.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[1], row[2]), ("ready", "0"), "{rest}");
    assert!(row.contains(&&*sent[2]), "{rest}");

    let headers = http::headers(&[("Content-Type", "text/plain")]);
    let request = http::request("POST", "/hooks/open", &headers, b"\x1b[2Jgone");
    assert_eq!(gateway.send(&request).status, 202);
    let seen = said(&queue(&world, &gateway, &["peek", "inbox", "--payload"]));
    assert!(seen.contains("\\u{1b}[2Jgone") && !seen.contains('\u{1b}'), "{seen}");
    assert_eq!(gateway.consumer().depth("inbox"), 4, "nothing was taken");
}

#[test]
fn what_the_gateway_refuses_is_said_with_its_code() {
    let (world, gateway) = start();
    for (arguments, code) in [
        (vec!["show", "none"], "[queue_not_found]"),
        (vec!["redrive", "none"], "[queue_not_found]"),
        (vec!["replay", "--into", "none"], "[queue_not_found]"),
        (vec!["replay", "--through-line", "--from", "soon"], "[job_invalid]"),
        (vec!["jobs", "show", "0000000000000000"], "[job_not_found]"),
    ] {
        let output = queue(&world, &gateway, &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(complaint(&output).contains(code), "{arguments:?}: {}", complaint(&output));
    }
}

#[test]
fn the_token_is_taken_from_the_environment() {
    let text = config::open_source(QUEUES)
        .replace("admin: 127.0.0.1:0 }", "admin: 127.0.0.1:0, admin_token: slack }");
    let world = World::new(&text);
    let gateway = world.start();
    let refused = queue(&world, &gateway, &["ls"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("SLUICEGATE_ADMIN_TOKEN"), "{}", complaint(&refused));
    let world = world.with_variable("SLUICEGATE_ADMIN_TOKEN", config::SLACK_SECRET);
    assert!(said(&queue(&world, &gateway, &["ls"])).contains("inbox"));
}
