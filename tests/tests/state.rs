//! What filters remember, through the whole gateway: counted exactly, through kills, and by many at
//! once; seen by replays and left alone by them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sluicegate_tests::config::filtered;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics;
use sluicegate_tests::random::Random;
use sluicegate_tests::senders::{self, Senders};
use sluicegate_tests::world::World;

/// One GitHub source whose events go through this plugin.
fn through(plugin: &str, config: &str) -> World {
    let file = format!("\"{{ROOT}}/plugins/{plugin}/rust/{plugin}.wasm\"");
    World::new(&filtered(
        &format!("  it: {{ path: {file}, state: {{}}, config: {config} }}"),
        "  - { name: all, default: true, filters: [ it ], to: [ inbox ] }",
        "  inbox: { retry: { attempts: 1000, min: 1ms, max: 1ms } }",
    ))
}

/// Counts every event under one key, and lets it pass.
const COUNTS: &str = "{ limit: 1000000000, window_s: 100000000 }";

/// The commits in the log of a stopped gateway.
fn commits(world: &World) -> Vec<Value> {
    let data = world.path("data").display().to_string();
    let dump = ["queue", "dump", "--data", &data, "--json", "--payload", "--kind", "commit"];
    let output = world.run(&dump);
    let (text, faults) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&faults));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The number that each commit has left under the key, in the order of the log.
fn numbers(commits: &[Value]) -> Vec<u64> {
    let number = |commit: &Value| commit["state"][0]["value"].as_str().unwrap().parse().unwrap();
    commits.iter().map(number).collect()
}

#[test]
fn a_counter_is_exactly_the_number_of_events_through_kills_under_load() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random::from_seed(seed);
    let world = through("rate-limit", COUNTS);
    let (mut next, mut acked, mut unsure) = (0, 0, 0);
    for round in 0..8 {
        let gateway = world.start();
        let senders = Senders::start(gateway.http(), next, 4);
        let enough = 20 + random.below(200);
        wait_within(Duration::from_secs(60), &format!("round {round}: {enough} acks"), || {
            (senders.acked() >= enough).then_some(())
        });
        gateway.kill();
        let (told, after) = senders.finish();
        next = after;
        assert!(told.refused.is_empty(), "round {round}: {:?}", told.refused);
        acked += told.acked.len();
        unsure += told.unsure.len();
    }
    let gateway = world.start();
    let last = gateway.deliver(senders::PATH, &senders::delivery(next));
    assert_eq!(last.status, 202);
    acked += 1;
    assert!(gateway.stop().success());
    let commits = commits(&world);
    let counted = commits.len();
    assert!((acked..=acked + unsure).contains(&counted), "{acked} + {unsure}: {counted}");
    let expected: Vec<u64> = (1..=counted as u64).collect();
    assert_eq!(numbers(&commits), expected, "each event counted once, in the order of the log");
}

fn conflicts(gateway: &Gateway) -> f64 {
    metrics::value(gateway, "sluicegate_state_conflicts_total")
}

#[test]
fn many_senders_at_once_lose_no_count_and_none_is_turned_away() {
    let world = through("rate-limit", COUNTS);
    let gateway = world.start();
    let senders = Senders::start(gateway.http(), 0, 32);
    wait_within(Duration::from_secs(60), "2000 acks", || (senders.acked() >= 2000).then_some(()));
    println!("{} conflicts", conflicts(&gateway));
    assert!(metrics::value(&gateway, "sluicegate_state_keys{plugin=\"it\",route=\"all\"}") > 0.0);
    gateway.kill();
    let (told, _) = senders.finish();
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    let commits = commits(&world);
    let expected: Vec<u64> = (1..=commits.len() as u64).collect();
    assert_eq!(numbers(&commits), expected);
}

#[test]
fn of_the_same_event_sent_many_times_at_once_one_passes() {
    let world = through("dedupe", "{ by: \"payload:/number\", ttl_s: 3600 }");
    let gateway = world.start();
    let (passed, address) = (AtomicUsize::new(0), gateway.http());
    thread::scope(|scope| {
        for sender in 0..8 {
            let passed = &passed;
            scope.spawn(move || {
                for number in 0..25 {
                    // Another delivery id each time: the gateway's own memory of ids sees none.
                    let id = format!("{sender}-{number}");
                    let body = format!(r#"{{"number":{number}}}"#).into_bytes();
                    let delivery = sluicegate_tests::fixtures::github_signed(
                        "push",
                        "application/json",
                        &id,
                        body,
                    );
                    let answer = sluicegate_tests::http::Connection::open(address)
                        .and_then(|mut to| to.exchange(&delivery.request(senders::PATH)));
                    assert_eq!(answer.unwrap().status, 202);
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 200);
    assert!(gateway.stop().success());
    let commits = commits(&world);
    let placed = commits.iter().filter(|commit| !commit["placed"].as_array().unwrap().is_empty());
    assert_eq!((commits.len(), placed.count()), (200, 25));
    let dropped = commits.iter().filter(|commit| commit["drops"][0]["reason"] == "seen before");
    assert_eq!(dropped.count(), 175);
}

#[test]
fn a_replay_sees_state_and_leaves_none() {
    let world = through("rate-limit", COUNTS);
    let gateway = world.start();
    for number in 0..3 {
        let answer = gateway.deliver(senders::PATH, &senders::delivery(number));
        assert_eq!(answer.status, 202);
    }
    let ask = serde_json::json!({ "through": "line" });
    let job = gateway.consumer().call("/v1/replays", &ask).json();
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    wait_within(Duration::from_secs(30), "the replay ends", || {
        let job = gateway.admin_get(&path).json();
        (job["counts"]["moved"] == 3).then_some(())
    });
    let answer = gateway.deliver(senders::PATH, &senders::delivery(3));
    assert_eq!(answer.status, 202);
    assert!(gateway.stop().success());
    let commits = commits(&world);
    let (with, without): (Vec<Value>, Vec<Value>) =
        commits.into_iter().partition(|commit| commit["state"].get(0).is_some());
    assert_eq!((numbers(&with), without.len()), (vec![1, 2, 3, 4], 3));
}

#[test]
fn state_that_is_not_granted_is_refused_with_how_to_grant_it() {
    let world = through("dedupe", "{ by: \"header:x\", ttl_s: 1 }");
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    world.write("gateway.yaml", text.replace("state: {}, ", ""));
    let output = world.run(&["check", "gateway.yaml"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("plugin_imports_refused") && said.contains("`state: {}`"), "{said}");
    world.write("gateway.yaml", text.replace("state: {}", "state: { keys_max: 0 }"));
    let said = String::from_utf8(world.run(&["check", "gateway.yaml"]).stderr).unwrap();
    assert!(said.contains("keys_max"), "{said}");
}

#[test]
fn the_examples_that_remember_answer_their_cases() {
    for plugin in ["dedupe", "rate-limit"] {
        let world = World::new("");
        let folder = root().join("plugins").join(plugin).join("rust").display().to_string();
        let output = world.run(&["plugin", "test", &folder]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(" 0 failed"), "{said}");
    }
}
