//! Jobs of the real binary: redrives and replays with filters and rates, across crashes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_tests::config;
use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::world::World;

/// A queue that gives up at the first failure, its dead letters, and a queue for replays.
const QUEUES: &str = "  inbox: { retry: { attempts: 1 }, dead_letter: dead, retain: 1d }
  dead: { retain: 1d }
  other: { retain: 1d }";

fn start(queues: &str) -> (World, Gateway) {
    let world = World::new(&config::open_source(queues));
    let gateway = world.start();
    (world, gateway)
}

fn post(gateway: &Gateway, body: &Value) -> String {
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let request = http::request("POST", "/hooks/open", &headers, body.to_string().as_bytes());
    gateway.send(&request).accepted().id
}

/// Sends so many events `{"n":0}`, `{"n":1}`...
fn post_many(gateway: &Gateway, count: usize) -> Vec<String> {
    (0..count).map(|n| post(gateway, &json!({ "n": n }))).collect()
}

/// Gives up everything that is in `inbox`.
fn give_up_all(gateway: &Gateway, count: usize) {
    let consumer = gateway.consumer();
    let mut given_up = 0;
    while given_up < count {
        let batch = consumer.receive("inbox", 500, 1_000);
        let nack = |one: &Delivered| json!({ "receipt": one.receipt, "reason": "no" });
        consumer.settle("inbox", &json!({ "nack": batch.iter().map(nack).collect::<Vec<_>>() }));
        given_up += batch.len();
    }
    wait_for("the dead letters", || (consumer.depth("dead") == count as u64).then_some(()));
}

fn ask(gateway: &Gateway, target: &str, body: &Value) -> Response {
    gateway.consumer().call(target, body)
}

/// Starts a job, and gives its id.
fn begin(gateway: &Gateway, target: &str, body: &Value) -> String {
    let answer = ask(gateway, target, body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(&*format!("/v1/jobs/{id}")));
    id
}

fn job(gateway: &Gateway, id: &str) -> Value {
    gateway.admin_get(&format!("/v1/jobs/{id}")).json()
}

/// Waits until a job is done, and gives it.
fn done(gateway: &Gateway, id: &str) -> Value {
    let job = wait_for("the job to end", || {
        Some(job(gateway, id)).filter(|job| job["state"] != "running")
    });
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["progress"], 1.0, "{job}");
    job
}

fn ids(taken: &[Delivered]) -> BTreeSet<String> {
    taken.iter().map(|one| one.attribute("id").to_owned()).collect()
}

fn numbers(taken: &[Delivered]) -> BTreeSet<u64> {
    taken.iter().map(|one| one.event["data"]["n"].as_u64().unwrap()).collect()
}

/// The time now, as RFC 3339 has it.
fn now() -> String {
    let date = Command::new("date").args(["-u", "+%FT%T.%NZ"]).output().expect("coreutils");
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_redrive_moves_what_its_pattern_and_cause_mean_and_tells_it_before_in_a_dry_run() {
    let (_world, gateway) = start(QUEUES);
    post_many(&gateway, 10);
    give_up_all(&gateway, 10);
    let even = json!({ "payload": { "n": [0, 2, 4, 6, 8] } });
    let dry = ask(&gateway, "/v1/queues/dead/redrive", &json!({ "when": even, "dry_run": true }));
    let dry = dry.json();
    assert_eq!((&dry["would_move"], &dry["left"]), (&json!(5), &json!(0)), "{dry}");
    assert_eq!(dry["first"].as_array().unwrap().len(), 5);
    assert_eq!(dry["first"][0]["cause"], "attempts_exhausted");
    assert_eq!(
        (dry["first"][0]["origin"].as_str(), gateway.consumer().depth("dead")),
        (Some("inbox"), 10)
    );

    let none = ask(&gateway, "/v1/queues/dead/redrive", &json!({ "cause": "expired" })).json();
    assert_eq!(none, json!({ "moved": 0, "left": 0, "failed": 0 }));
    let some = ask(&gateway, "/v1/queues/inbox/redrive", &json!({ "when": even, "max": 3 })).json();
    assert_eq!(some, json!({ "moved": 3, "left": 0, "failed": 0 }));
    let rest = ask(&gateway, "/v1/queues/dead/redrive", &json!({ "when": even })).json();
    assert_eq!(rest["moved"], 2);
    let back = gateway.consumer().take("inbox", 5);
    assert_eq!(numbers(&back), BTreeSet::from([0, 2, 4, 6, 8]));
    assert!(back.iter().all(|one| one.attempt == 1));
    // Without a pattern it is what it was.
    let all = ask(&gateway, "/v1/queues/dead/redrive", &json!({})).json();
    assert_eq!(all, json!({ "moved": 5, "left": 0 }));
}

#[test]
fn a_redrive_keeps_to_its_rate_and_is_cancelled_and_resumed() {
    let (_world, gateway) = start(QUEUES);
    post_many(&gateway, 60);
    give_up_all(&gateway, 60);
    let begun = Instant::now();
    let id = begin(&gateway, "/v1/queues/dead/redrive", &json!({ "rate": 20, "max": 30 }));
    let first = done(&gateway, &id);
    assert!(begun.elapsed() >= Duration::from_millis(1_000), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(first["counts"]["moved"], 30, "{first}");
    assert_eq!((first["kind"].as_str(), gateway.consumer().depth("inbox")), (Some("redrive"), 30));

    let id = begin(&gateway, "/v1/queues/dead/redrive", &json!({ "rate": 1 }));
    wait_for("a first letter", || (job(&gateway, &id)["counts"]["moved"] != 0).then_some(()));
    let cancelled = ask(&gateway, &format!("/v1/jobs/{id}/cancel"), &json!({})).json();
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    ask(&gateway, &format!("/v1/jobs/{id}/cancel"), &json!({})).assert_problem(409, "job_state");
    assert!(gateway.consumer().depth("dead") > 20);
    let resumed = ask(&gateway, &format!("/v1/jobs/{id}/resume"), &json!({})).json();
    assert_eq!(resumed["state"], "running", "{resumed}");
    let all = gateway.admin_get("/v1/jobs").json();
    assert_eq!(all["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(all["jobs"][0]["id"], *id, "newest first");
}

#[test]
fn a_redrive_that_fails_again_at_once_still_ends() {
    let (_world, gateway) = start(QUEUES);
    post_many(&gateway, 40);
    give_up_all(&gateway, 40);
    let id = begin(&gateway, "/v1/queues/dead/redrive", &json!({ "rate": 50 }));
    // What it moves is given up at once, and lies in the dead-letter queue again.
    let consumer = gateway.consumer();
    let ended = wait_for("the job to end", || {
        let batch = consumer.receive("inbox", 500, 0);
        let nack = |one: &Delivered| json!({ "receipt": one.receipt, "reason": "no" });
        consumer.settle("inbox", &json!({ "nack": batch.iter().map(nack).collect::<Vec<_>>() }));
        Some(job(&gateway, &id)).filter(|job| job["state"] == "done")
    });
    assert_eq!(ended["counts"]["moved"], 40, "{ended}");
}

#[test]
fn a_replay_goes_on_after_a_crash_and_places_everything() {
    let (world, gateway) = start(QUEUES);
    let sent: BTreeSet<String> = post_many(&gateway, 50).into_iter().collect();
    assert_eq!(ids(&gateway.consumer().take("inbox", 50)), sent);
    let id = begin(&gateway, "/v1/replays", &json!({ "queue": "other", "rate": 40 }));
    wait_for("half of it", || {
        (job(&gateway, &id)["counts"]["moved"].as_u64() >= Some(10)).then_some(())
    });
    gateway.kill();
    let gateway = world.start();
    let ended = done(&gateway, &id);
    assert!(ended["counts"]["moved"].as_u64() <= Some(50), "{ended}");
    let placed = gateway.consumer().drain("other");
    assert_eq!(ids(&placed), sent);
    // The page that was not noted may have been placed again: four events at this rate.
    assert!(placed.len() <= 54, "{}", placed.len());
}

#[test]
fn a_replay_takes_what_was_received_in_its_time_and_matches() {
    let (_world, gateway) = start(QUEUES);
    post_many(&gateway, 3);
    let from = now();
    post_many(&gateway, 8);
    let to = now();
    post_many(&gateway, 2);
    let range = json!({ "from": from, "to": to, "queue": "other" });
    let mut dry = range.clone();
    dry["dry_run"] = json!(true);
    let dry = done(&gateway, &begin(&gateway, "/v1/replays", &dry));
    assert_eq!((&dry["counts"]["moved"], &dry["dry_run"]), (&json!(8), &json!(true)), "{dry}");
    assert_eq!(gateway.consumer().depth("other"), 0);
    let mut some = range.clone();
    some["when"] = json!({ "payload": { "n": [{ "numeric": [">=", 5] }] } });
    some["source"] = json!(["open"]);
    let some = done(&gateway, &begin(&gateway, "/v1/replays", &some));
    assert_eq!(some["counts"]["moved"], 3, "{some}");
    assert_eq!(numbers(&gateway.consumer().take("other", 3)), BTreeSet::from([5, 6, 7]));
    let mut other = range;
    other["source"] = json!(["elsewhere"]);
    let other = done(&gateway, &begin(&gateway, "/v1/replays", &other));
    assert_eq!(other["counts"]["matched"], 0, "{other}");
    // Into the queue that they were placed in, and only what was placed there.
    let same = json!({ "queue": "inbox", "placed_in": ["inbox"], "max": 4 });
    let same = done(&gateway, &begin(&gateway, "/v1/replays", &same));
    assert_eq!((&same["counts"]["moved"], gateway.consumer().depth("inbox")), (&json!(4), 17));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let (_world, gateway) = start(QUEUES);
    let refused = |target: &str, body: Value, status: u16, code: &str| {
        let answer = ask(&gateway, target, &body);
        answer.assert_problem(status, code);
        answer.json()["detail"].as_str().unwrap().to_owned()
    };
    refused("/v1/replays", json!({}), 422, "job_invalid");
    refused("/v1/replays", json!({ "queue": "none" }), 404, "queue_not_found");
    refused("/v1/replays", json!({ "queue": "other", "line": 1 }), 422, "request_invalid");
    refused("/v1/replays", json!({ "through": "walls" }), 422, "request_invalid");
    let bad = json!({ "queue": "other", "when": { "type": [{ "prefix": 7 }] } });
    assert!(refused("/v1/replays", bad, 422, "job_invalid").contains("/when/type"));
    let bad = json!({ "cause": "bad luck" });
    assert!(refused("/v1/queues/dead/redrive", bad, 422, "job_invalid").contains("/cause"));
    refused("/v1/queues/dead/redrive", json!({ "rate": 0 }), 422, "job_invalid");
    refused("/v1/queues/none/replay", json!({}), 404, "queue_not_found");
    gateway.admin_get("/v1/jobs/0000000000000000").assert_problem(404, "job_not_found");
    gateway.admin_get("/v1/jobs/x").assert_problem(404, "path_not_found");
    gateway.admin_get("/v1/replays").assert_problem(405, "method_not_allowed");
    let id = begin(&gateway, "/v1/replays", &json!({ "queue": "other" }));
    done(&gateway, &id);
    let resume = ask(&gateway, &format!("/v1/jobs/{id}/resume"), &json!({}));
    resume.assert_problem(409, "job_state");
}

#[test]
fn a_replay_waits_for_a_full_queue_and_doubles_nothing() {
    let (_world, gateway) = start("  inbox: { limits: { events: 3 }, retain: 1d }");
    let mut sent = BTreeSet::new();
    for _ in 0..2 {
        sent.extend(post_many(&gateway, 3));
        assert_eq!(gateway.consumer().take("inbox", 3).len(), 3);
    }
    let id = begin(&gateway, "/v1/replays", &json!({ "through": "line" }));
    let waits = wait_for("the job to wait", || {
        Some(job(&gateway, &id)).filter(|job| job["note"]["code"] == "queue_full")
    });
    assert_eq!((&waits["state"], &waits["counts"]["moved"]), (&json!("running"), &json!(3)));
    let placed = gateway.consumer().take("inbox", 6);
    assert_eq!(ids(&placed), sent);
    let ended = done(&gateway, &id);
    assert_eq!((&ended["counts"]["moved"], &ended["note"]), (&json!(6), &json!(null)), "{ended}");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_job_that_cannot_be_written_down_is_refused_and_moves_nothing() {
    let (world, gateway) = start(QUEUES);
    let sent: BTreeSet<String> = post_many(&gateway, 5).into_iter().collect();
    assert_eq!(gateway.consumer().take("inbox", 5).len(), 5);
    // No file can be made in a folder that is a file. A mode would not stop root.
    let (jobs, away) = (world.path("data/jobs"), world.path("data/jobs.away"));
    std::fs::rename(&jobs, &away).unwrap();
    std::fs::write(&jobs, "").unwrap();
    let refused = ask(&gateway, "/v1/replays", &json!({ "queue": "other" }));
    refused.assert_problem(503, "job_not_saved");
    assert_eq!(gateway.admin_get("/v1/jobs").json()["jobs"], json!([]));
    assert_eq!(gateway.consumer().depth("other"), 0);
    assert_eq!(gateway.admin_get("/healthz").status, 200);

    std::fs::remove_file(&jobs).unwrap();
    std::fs::rename(&away, &jobs).unwrap();
    done(&gateway, &begin(&gateway, "/v1/replays", &json!({ "queue": "other" })));
    assert_eq!(ids(&gateway.consumer().take("other", 5)), sent);
}
