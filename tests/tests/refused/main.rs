//! Refused deliveries as an operator meets them: what came in under a wrong secret is kept, and is
//! an event once the secret is mended: once, with its first id, as of its arrival.

mod floods;

use std::process::Output;

use serde_json::{Value, json};
use sluicegate_tests::config::{self, HEAD};
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::{self, Delivery, Encoding};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::metrics::value;
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

const WRONG: &str = "this is not the secret of GitHub";

/// A GitHub source whose secret is in a file, a Stripe source, and an open one with a schema.
fn config(more: &str) -> String {
    format!(
        "{HEAD}  file: {{ file: secret.txt }}
schemas: ./schemas
{more}
sources:
  github:
    http: {{ path: /hooks/github }}
    verify: {{ scheme: github, keys: [ {{ id: k1, secret: file }} ] }}
  stripe:
    http: {{ path: /hooks/stripe }}
    verify: {{ scheme: stripe, keys: [ {{ id: k1, secret: stripe }} ] }}
    refused: {{ keep: 1h, deliveries: 10, bytes: 64KiB }}
  silent:
    http: {{ path: /hooks/silent }}
    verify: {{ scheme: github, keys: [ {{ id: k1, secret: github }} ] }}
    refused: {{ keep: 0s }}
  judged:
    http: {{ path: /hooks/judged }}
    verify: {{ scheme: none }}
    schema: {{ subject: judged }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{ ttl: 1h, retry: {{ attempts: 1000, min: 1ms, max: 1ms }} }}
"
    )
}

fn world_with(more: &str) -> World {
    let world = World::new(&config(more));
    world.write("secret.txt", format!("{WRONG}\n"));
    world.write("schemas/judged.json", r#"{"type":"object","required":["id"]}"#);
    world
}

fn push(id: &str) -> Delivery {
    fixtures::github("push", Encoding::Json, id).with("Cookie", "session=hunter2")
}

fn refuse(gateway: &Gateway, path: &str, delivery: &Delivery, status: u16) {
    assert_eq!(gateway.deliver(path, delivery).status, status);
}

/// What is kept, once there is so much of it.
fn kept(gateway: &Gateway, query: &str, count: usize) -> Vec<Value> {
    wait_for("refused deliveries to be kept", || {
        let page = gateway.admin_get(&format!("/v1/refused?{query}")).json();
        let all = page["refused"].as_array().unwrap().clone();
        (all.len() == count).then_some(all)
    })
}

fn post(gateway: &Gateway, path: &str) -> Response {
    gateway.consumer().call(path, &json!({}))
}

fn id(one: &Value) -> &str {
    one["id"].as_str().unwrap()
}

/// The command line, against this gateway.
fn run(world: &World, gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let admin = format!("http://{}", gateway.admin());
    let mut all = arguments.to_vec();
    all.extend(["--admin", &admin]);
    let Output { status, stdout, stderr } = world.run(&all);
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code(), said)
}

#[test]
fn what_a_wrong_secret_refused_is_an_event_once_the_secret_is_mended_without_a_restart() {
    let world = world_with("");
    let gateway = world.start();
    let delivery = push("d-1");
    refuse(&gateway, "/hooks/github", &delivery, 401);
    let one = kept(&gateway, "source=github", 1).remove(0);
    assert_eq!((&one["code"], &one["standing"]), (&json!("signature_refused"), &json!("kept")));
    let place = format!("/v1/refused/{}", id(&one));
    let judged = post(&gateway, &format!("{place}/reverify")).json();
    assert_eq!(
        (&judged["accepted"], &judged["code"]),
        (&json!(false), &json!("signature_refused"))
    );
    post(&gateway, &format!("{place}/release")).assert_problem(409, "signature_refused");

    world.write("secret.txt", format!("{}\n", fixtures::GITHUB_SECRET));
    gateway.wait_for_log("keys were replaced");
    assert_eq!(post(&gateway, &format!("{place}/reverify")).json(), json!({ "accepted": true }));
    let released = post(&gateway, &format!("{place}/release")).json();
    assert_eq!(released, json!({ "event": id(&one), "duplicate": false }));
    post(&gateway, &format!("{place}/release")).assert_problem(409, "refused_released");

    let taken = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(taken.payload, delivery.body);
    assert_eq!(taken.event["id"], one["id"]);
    assert_eq!(taken.event["sgarrival"], one["arrived"]);
    // The provider tries again: its idempotency key is known.
    let again = gateway.deliver("/hooks/github", &delivery).accepted();
    assert_eq!((again.id.as_str(), again.repeat), (id(&one), http::Repeat::Duplicate));
    assert!(value(&gateway, "sluicegate_refused_released_total{source=\"github\"}") == 1.0);
}

#[test]
fn a_provider_that_came_again_meanwhile_is_not_doubled_by_a_release() {
    let world = world_with("");
    let gateway = world.start();
    refuse(&gateway, "/hooks/github", &push("d-1"), 401);
    let one = kept(&gateway, "", 1).remove(0);
    world.write("secret.txt", fixtures::GITHUB_SECRET);
    gateway.wait_for_log("keys were replaced");
    let first = gateway.deliver("/hooks/github", &push("d-1")).accepted();
    let released = post(&gateway, &format!("/v1/refused/{}/release", id(&one))).json();
    assert_eq!(released, json!({ "event": first.id, "duplicate": true }));
    assert_eq!(gateway.consumer().depth("inbox"), 1);
}

#[test]
fn a_signed_time_is_judged_as_of_the_arrival_however_late_the_release() {
    let world = world_with("");
    let gateway = world.start();
    // A day ago, signed then: to be judged now it would be stale.
    let now = signing::unix_s_now();
    let body = br#"{"id":"evt_1","object":"event","type":"invoice.paid"}"#.to_vec();
    let signed = signing::stripe(config::STRIPE_SECRET, now - 86_400, &body);
    let headers = http::headers(&[("Stripe-Signature", &signed)]);
    refuse(&gateway, "/hooks/stripe", &Delivery { headers, body: body.clone() }, 401);
    let one = kept(&gateway, "source=stripe", 1).remove(0);
    assert!(one["why"].as_str().unwrap().contains("ms old"), "{one}");
    post(&gateway, &format!("/v1/refused/{}/release", id(&one)))
        .assert_problem(409, "signature_refused");

    // Signed right, with another secret, and released after a restart with the right one: the
    // clock has moved on past the tolerance, which a clock of the tests shows elsewhere; here the
    // key's own window does.
    let other = "whsec_another_secret_of_a_stripe_endpoint";
    let signed = signing::stripe(other, now, &body);
    let headers = http::headers(&[("Stripe-Signature", &signed)]);
    refuse(&gateway, "/hooks/stripe", &Delivery { headers, body }, 401);
    let all = kept(&gateway, "source=stripe", 2);
    let arrived = all[1]["arrived"].as_str().unwrap().to_owned();
    gateway.stop();
    // A key that was live until just after the arrival, and is not any more.
    let until = format!("{}.999999999Z", &arrived[..19]);
    let keys = format!("keys: [ {{ id: old, secret: other, not_after: \"{until}\" }} ]");
    let text = config("").replace("keys: [ { id: k1, secret: stripe } ]", &keys);
    let text = text.replace("  file: {", "  other: { env: OTHER_SECRET }\n  file: {");
    world.write("gateway.yaml", text);
    let world = world.with_variable("OTHER_SECRET", other);
    let gateway = world.start();
    let place = format!("/v1/refused/{}/release", id(&all[1]));
    let released = post(&gateway, &place).json();
    assert_eq!(released["event"], all[1]["id"], "{released}");
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
}

#[test]
fn what_broke_its_schema_is_released_once_the_schema_is_mended() {
    let world = world_with("");
    let gateway = world.start();
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let delivery = Delivery { headers, body: br#"{"name":"x"}"#.to_vec() };
    refuse(&gateway, "/hooks/judged", &delivery, 422);
    let one = kept(&gateway, "code=payload_invalid", 1).remove(0);
    assert!(one["why"].as_str().unwrap().contains("required"), "{one}");
    let place = format!("/v1/refused/{}/release", id(&one));
    post(&gateway, &place).assert_problem(409, "payload_invalid");
    gateway.stop();
    world.write("schemas/judged.v2.json", r#"{"type":"object"}"#);
    let gateway = world.start();
    assert_eq!(post(&gateway, &place).json()["event"], one["id"]);
    gateway.kill();
    // Without a key of its provider it has one of its own; and its mark outlives a kill.
    let gateway = world.start();
    post(&gateway, &place).assert_problem(409, "refused_released");
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
}

#[test]
fn what_is_kept_survives_a_kill_and_a_source_that_wants_none_keeps_none() {
    let world = world_with("");
    let gateway = world.start();
    refuse(&gateway, "/hooks/github", &push("d-1"), 401);
    refuse(&gateway, "/hooks/silent", &push("d-2").with("X-Hub-Signature-256", "sha256=00"), 401);
    let one = kept(&gateway, "", 1).remove(0);
    gateway.kill();
    let gateway = world.start();
    let shown = gateway.admin_get(&format!("/v1/refused/{}", id(&one))).json();
    assert_eq!(shown["delivery"]["body"].as_str().unwrap().as_bytes(), push("d-1").body);
    assert_eq!(shown["delivery"]["target"], "/hooks/github");
    assert_eq!(shown["delivery"]["peer"], "127.0.0.1");
    let text = shown.to_string();
    assert!(text.contains("x-hub-signature-256") && !text.contains("hunter2"), "{text}");
    let files = std::fs::read_dir(world.path("data/refused")).unwrap();
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|some| some == b"hunter2"), "a cookie is on the disk");
    }
    let removed = http::send(
        gateway.admin(),
        &http::request("DELETE", &format!("/v1/refused/{}", id(&one)), &[], b""),
    );
    assert_eq!(removed.status, 204);
    gateway
        .admin_get(&format!("/v1/refused/{}", id(&one)))
        .assert_problem(404, "refused_not_found");
}

#[test]
fn a_token_is_kept_only_where_the_folder_is_encrypted() {
    let sources = "
sources:
  gitlab:
    http: { path: /hooks/gitlab }
    verify: { scheme: gitlab, keys: [ { id: k1, secret: file } ] }
routes: [ { name: all, default: true, to: [ inbox ] } ]
queues: { inbox: {} }
";
    let secrets = "  file: { file: secret.txt }\n  data: { env: DATA_KEY }\n";
    let encrypted = "encryption: { key: { id: a, secret: data } }\n";
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for (encryption, releasable) in [("", false), (encrypted, true)] {
        let world = World::new(&format!("{HEAD}{secrets}{encryption}{sources}"))
            .with_variable("DATA_KEY", key);
        world.write("secret.txt", WRONG);
        let gateway = world.start();
        let headers = http::headers(&[("X-Gitlab-Token", "the-token-of-gitlab")]);
        let delivery = Delivery { headers, body: b"{}".to_vec() };
        refuse(&gateway, "/hooks/gitlab", &delivery, 401);
        let one = kept(&gateway, "", 1).remove(0);
        let place = format!("/v1/refused/{}", id(&one));
        let shown = gateway.admin_get(&place).text();
        assert!(!shown.contains("the-token-of-gitlab"), "{shown}");
        world.write("secret.txt", "the-token-of-gitlab");
        gateway.wait_for_log("keys were replaced");
        let released = post(&gateway, &format!("{place}/release"));
        match releasable {
            true => assert_eq!(released.json()["event"], one["id"]),
            false => released.assert_problem(409, "refused_masked"),
        }
        gateway.stop();
        for file in std::fs::read_dir(world.path("data/refused")).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(9).any(|some| some == b"the-token"), "a token is on the disk");
        }
    }
}

#[test]
fn the_command_line_lists_shows_judges_releases_and_removes() {
    let world = world_with("");
    let gateway = world.start();
    for number in 0..3 {
        refuse(&gateway, "/hooks/github", &push(&format!("d-{number}")), 401);
    }
    let all = kept(&gateway, "", 3);
    let (code, listed) = run(&world, &gateway, &["refused", "ls", "--source", "github"]);
    assert_eq!(code, Some(0), "{listed}");
    assert!(all.iter().all(|one| listed.contains(id(one))), "{listed}");
    let (_, shown) = run(&world, &gateway, &["refused", "show", id(&all[0])]);
    // Those of one millisecond come in any order.
    assert!(shown.contains("x-github-delivery: d-") && shown.contains("cookie: ***"), "{shown}");
    let (code, judged) = run(&world, &gateway, &["refused", "reverify", "--all"]);
    assert_eq!(code, Some(1), "{judged}");
    assert!(judged.contains("0 would be taken, 3 not"), "{judged}");
    assert_eq!(run(&world, &gateway, &["refused", "rm", id(&all[2])]).0, Some(0));
    world.write("secret.txt", fixtures::GITHUB_SECRET);
    gateway.wait_for_log("keys were replaced");
    let (code, released) = run(&world, &gateway, &["refused", "release", "--all"]);
    assert_eq!(code, Some(0), "{released}");
    assert!(released.contains("2 released, 0 not"), "{released}");
    let (code, again) = run(&world, &gateway, &["refused", "release", "--all"]);
    assert_eq!((code, again.contains("0 released, 0 not")), (Some(0), true), "{again}");
    assert_eq!(gateway.consumer().take("inbox", 2).len(), 2);
    let (code, none) = run(&world, &gateway, &["refused", "show", id(&all[2])]);
    assert_eq!(code, Some(1), "{none}");
    assert!(none.contains("[refused_not_found]"), "{none}");
}

#[test]
fn a_release_whose_end_was_not_noted_is_found_out_by_the_next() {
    let world = world_with("");
    let gateway = world.start();
    let delivery = push("gone").without("X-GitHub-Delivery");
    refuse(&gateway, "/hooks/github", &delivery, 401);
    let one = kept(&gateway, "", 1).remove(0);
    world.write("secret.txt", fixtures::GITHUB_SECRET);
    gateway.wait_for_log("keys were replaced");
    let place = format!("/v1/refused/{}", id(&one));
    assert_eq!(post(&gateway, &format!("{place}/release")).json()["duplicate"], false);
    gateway.stop();
    // The last entry is the note that it was released: as if the power had gone before it.
    let mut files: Vec<_> = std::fs::read_dir(world.path("data/refused")).unwrap().collect();
    let file = files.remove(0).unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    let last = bytes.windows(4).rposition(|some| some == b"SGE1").unwrap();
    std::fs::write(&file, &bytes[..last]).unwrap();
    let gateway = world.start();
    let shown = gateway.admin_get(&place).json();
    assert_eq!(shown["standing"], "releasing", "{shown}");
    let again = post(&gateway, &format!("{place}/release")).json();
    assert_eq!(again, json!({ "event": id(&one), "duplicate": true }));
    assert_eq!(gateway.admin_get(&place).json()["standing"], "released");
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
    assert!(gateway.consumer().drain("inbox").is_empty(), "it is an event once");
}

#[test]
fn a_release_that_was_killed_at_any_moment_is_an_event_once() {
    let world = world_with("");
    let gateway = world.start();
    for number in 0..40 {
        // Without an idempotency key of its provider: its own id is its key.
        let delivery = push("gone").without("X-GitHub-Delivery").with("X-N", &number.to_string());
        refuse(&gateway, "/hooks/github", &delivery, 401);
    }
    let all = kept(&gateway, "limit=100", 40);
    world.write("secret.txt", fixtures::GITHUB_SECRET);
    gateway.wait_for_log("keys were replaced");
    let mut held = Some(gateway);
    for round in 0..8 {
        let gateway = held.take().unwrap();
        let admin = format!("http://{}", gateway.admin());
        let (world, done) = (&world, std::sync::atomic::AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // It ends when its gateway does.
                let _ = world.run(&["refused", "release", "--all", "--admin", &admin]);
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            // Somewhere in the middle: after so many are in the queue, at whatever step it is then.
            wait_for("releases to begin", || {
                let depth = gateway.consumer().depth("inbox");
                let over = done.load(std::sync::atomic::Ordering::Relaxed);
                (depth > round * 4 || over).then_some(())
            });
            gateway.kill();
        });
        held = Some(world.start());
    }
    let gateway = held.unwrap();
    let (code, said) = run(&world, &gateway, &["refused", "release", "--all"]);
    assert_eq!(code, Some(0), "{said}");
    let taken = gateway.consumer().take("inbox", 40);
    let mut ids: Vec<_> = taken.iter().map(|one| one.event["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let mut wanted: Vec<_> = all.iter().map(id).collect();
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    assert!(gateway.consumer().drain("inbox").is_empty(), "each is an event once");
}
