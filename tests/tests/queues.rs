//! The consumer API of the real binary: its exact shapes, leases, retries, dead letters, redrive.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_tests::config;
use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http;
use sluicegate_tests::world::World;

fn start(queues: &str) -> (World, Gateway) {
    let world = World::new(&config::open_source(queues));
    let gateway = world.start();
    (world, gateway)
}

fn post(gateway: &Gateway, body: &str) -> String {
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let request = http::request("POST", "/hooks/open", &headers, body.as_bytes());
    gateway.send(&request).accepted().id
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Receives until something comes.
fn next(gateway: &Gateway, queue: &str) -> Delivered {
    wait_for("a delivery", || gateway.consumer().receive(queue, 1, 1_000).pop())
}

#[test]
fn the_answers_of_the_api_have_exactly_the_documented_shape() {
    let (_world, gateway) = start("  inbox: {}");
    let id = post(&gateway, r#"{"a":[1,2.50]}"#);
    let one = gateway.consumer().receive("inbox", 10, 1_000).remove(0);
    assert_eq!(keys(&one.whole), BTreeSet::from(["receipt", "attempt", "event"]));
    let event = keys(&one.event);
    for name in ["specversion", "id", "source", "type", "time", "datacontenttype", "data"] {
        assert!(event.contains(name), "{name} is not in {event:?}");
    }
    assert!(one.event["sgheaders"].is_object() && !event.contains("data_base64"));
    assert_eq!((one.attribute("id"), one.attribute("source")), (&*id, "open"));

    let settled = gateway.consumer().settle("inbox", &json!({ "ack": [one.receipt] }));
    assert_eq!(settled, json!({ "results": [{ "receipt": one.receipt, "status": "done" }] }));

    let stats = gateway.consumer().stats("inbox");
    let mut shown = vec!["name", "origin", "changed", "settings"];
    shown.extend(["depth", "ready", "leased", "delayed", "blocked", "dead"]);
    shown.extend(["oldest_age_ms", "bytes", "enqueued", "handed_out", "redelivered", "acked"]);
    shown.extend(["requeued", "lease_expiries", "dead_lettered", "redriven"]);
    shown.extend(["expired", "overflowed", "purged", "lost"]);
    assert_eq!(keys(&stats), shown.into_iter().collect());
    let all = gateway.admin_get("/v1/queues").json();
    let names: Vec<&str> =
        all["queues"].as_array().unwrap().iter().map(|q| q["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dead-letters", "inbox"]);
    let empty = gateway.consumer().call("/v1/queues/inbox/receive", &json!({ "max": 1 }));
    assert_eq!(empty.json(), json!({ "deliveries": [] }));
}

#[test]
fn what_is_asked_wrongly_is_answered_with_its_code() {
    let (_world, gateway) = start("  inbox: {}");
    let ask = |target: &str, body: Value| gateway.consumer().call(target, &body);
    let receive = "/v1/queues/inbox/receive";
    for (name, value) in [
        ("max", 0),
        ("max", -1),
        ("max", 1001),
        ("wait_ms", 60_001),
        ("wait_ms", -1),
        ("lease_ms", 0),
        ("lease_ms", i64::MIN),
        ("lease_ms", 43_200_001),
    ] {
        ask(receive, json!({ name: value })).assert_problem(422, "value_out_of_range");
    }
    ask(receive, json!({ "maximum": 1 })).assert_problem(422, "request_invalid");
    ask(receive, json!({ "max": "1" })).assert_problem(422, "request_invalid");
    ask(receive, json!({ "max": u64::MAX })).assert_problem(422, "request_invalid");
    ask(receive, json!([])).assert_problem(422, "request_invalid");
    let torn = http::request("POST", receive, &[], b"{\"max\":");
    http::send(gateway.admin(), &torn).assert_problem(400, "request_malformed");
    let settle = "/v1/queues/inbox/settle";
    for (verb, name, value) in [
        ("nack", "delay_ms", -1_i64),
        ("nack", "delay_ms", 2_592_000_001),
        ("extend", "lease_ms", 0),
        ("extend", "lease_ms", -5),
    ] {
        ask(settle, json!({ verb: [{ "receipt": "r", name: value }] }))
            .assert_problem(422, "value_out_of_range");
    }
    ask(settle, json!({ "nack": [{ "why": "x" }] })).assert_problem(422, "request_invalid");
    ask("/v1/queues/none/receive", json!({})).assert_problem(404, "queue_not_found");
    ask("/v1/queues/none/settle", json!({})).assert_problem(404, "queue_not_found");
    ask("/v1/none", json!({})).assert_problem(404, "path_not_found");
    gateway.admin_get(receive).assert_problem(405, "method_not_allowed");
    gateway.admin_get("/v1/queues/none").assert_problem(404, "queue_not_found");

    let settled = gateway.consumer().settle("inbox", &json!({ "ack": ["nonsense", ""] }));
    for result in settled["results"].as_array().unwrap() {
        assert_eq!(
            (&result["status"], &result["code"]),
            (&json!("refused"), &json!("receipt_unknown"))
        );
    }
}

#[test]
fn a_receipt_settles_once() {
    let (_world, gateway) = start("  inbox: {}");
    post(&gateway, "1");
    let one = next(&gateway, "inbox");
    let ack = json!({ "ack": [one.receipt] });
    assert_eq!(gateway.consumer().settle("inbox", &ack)["results"][0]["status"], "done");
    let again = gateway.consumer().settle("inbox", &ack);
    assert_eq!(again["results"][0]["status"], "refused", "{again}");
    assert_eq!(again["results"][0]["code"], "receipt_stale", "{again}");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_nack_brings_the_event_back_after_its_delay() {
    let (_world, gateway) = start("  inbox: {}");
    let id = post(&gateway, "1");
    let first = next(&gateway, "inbox");
    let nack = |receipt: &str, delay_ms: u64| {
        let one = json!({ "receipt": receipt, "delay_ms": delay_ms, "reason": "not now" });
        json!({ "nack": [one] })
    };
    gateway.consumer().settle("inbox", &nack(&first.receipt, 0));
    let second = next(&gateway, "inbox");
    assert_eq!((second.attempt, second.attribute("id")), (2, &*id));
    gateway.consumer().settle("inbox", &nack(&second.receipt, 600_000));
    assert_eq!(gateway.consumer().receive("inbox", 1, 0).len(), 0);
    let stats = gateway.consumer().stats("inbox");
    assert_eq!(
        (&stats["delayed"], &stats["ready"], &stats["depth"]),
        (&json!(1), &json!(0), &json!(1))
    );
}

#[test]
fn a_lease_that_runs_out_comes_back_and_an_extended_one_does_not() {
    let (_world, gateway) = start("  inbox: { retry: { min: 1ms, max: 1ms } }");
    post(&gateway, "\"a\"");
    post(&gateway, "\"b\"");
    let consumer = gateway.consumer();
    let leased = consumer.take_leased("inbox", 2);
    let (kept, lost) = (&leased[0], &leased[1]);
    let extended = |one: &Delivered, ms: u64| json!({ "receipt": one.receipt, "lease_ms": ms });
    let extend = json!({ "extend": [extended(kept, 600_000), extended(lost, 1_000)] });
    let results = consumer.settle("inbox", &extend)["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|one| one["status"] == "done"), "{results}");

    let back = next(&gateway, "inbox");
    assert_eq!((back.attempt, back.attribute("id")), (2, lost.attribute("id")));
    assert_eq!(consumer.receive("inbox", 1, 0).len(), 0, "the extended one is still leased");
    let stale = consumer.settle("inbox", &json!({ "ack": [lost.receipt] }));
    assert_eq!(stale["results"][0]["code"], "receipt_stale", "{stale}");
    let live = consumer.settle("inbox", &json!({ "ack": [kept.receipt, back.receipt] }));
    assert!(live["results"].as_array().unwrap().iter().all(|r| r["status"] == "done"), "{live}");
    assert_eq!(consumer.depth("inbox"), 0);
}

#[test]
fn used_up_attempts_end_in_the_dead_letter_queue_and_a_redrive_brings_them_back() {
    let (world, gateway) = start(
        "  inbox: { retry: { attempts: 3, min: 1ms, max: 5ms }, dead_letter: inbox-dead }\n  \
         inbox-dead: {}",
    );
    let id = post(&gateway, r#"{"n":1}"#);
    for attempt in 1..=3 {
        let one = next(&gateway, "inbox");
        assert_eq!(one.attempt, attempt);
        let nack = json!({ "nack": [{ "receipt": one.receipt, "reason": "disk is full" }] });
        gateway.consumer().settle("inbox", &nack);
    }
    wait_for("the dead letter", || (gateway.consumer().depth("inbox-dead") == 1).then_some(()));
    assert_eq!(gateway.consumer().stats("inbox")["dead"], 1);
    // A dead letter survives a crash with its reason.
    gateway.kill();
    let gateway = world.start();
    let dead = gateway.consumer().receive_for("inbox-dead", 1, 1_000, 100).remove(0);
    assert_eq!((dead.attribute("id"), dead.payload.as_slice()), (&*id, &br#"{"n":1}"#[..]));
    let letter = &dead.whole["letter"];
    assert_eq!(
        (&letter["cause"], &letter["origin"]),
        (&json!("attempts_exhausted"), &json!("inbox"))
    );
    assert!(letter["reason"].as_str().unwrap().contains("disk is full"), "{letter}");
    assert_eq!(letter["attempts"], 3);
    let give_back = json!({ "nack": [{ "receipt": dead.receipt, "delay_ms": 0 }] });
    gateway.consumer().settle("inbox-dead", &give_back);

    let redriven = gateway.consumer().call("/v1/queues/inbox-dead/redrive", &json!({}));
    assert_eq!(redriven.json(), json!({ "moved": 1, "left": 0 }));
    let back = next(&gateway, "inbox");
    assert_eq!((back.attempt, back.attribute("id")), (1, &*id));
    assert_eq!(gateway.consumer().depth("inbox-dead"), 0);
}

#[test]
fn a_long_poll_is_answered_when_an_event_comes() {
    let (_world, gateway) = start("  inbox: {}");
    let consumer = gateway.consumer();
    let begun = Instant::now();
    let poll = thread::spawn(move || consumer.receive("inbox", 1, 60_000));
    post(&gateway, "1");
    assert_eq!(poll.join().unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(30), "the poll waited to its end");
}

#[test]
fn competing_consumers_share_a_queue_and_none_gets_what_another_holds() {
    let (_world, gateway) = start("  inbox: {}");
    let sent: BTreeSet<String> = (0..60).map(|at| post(&gateway, &at.to_string())).collect();
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            let consumer = gateway.consumer();
            thread::spawn(move || consumer.drain("inbox"))
        })
        .collect();
    let got: Vec<Delivered> = consumers.into_iter().flat_map(|one| one.join().unwrap()).collect();
    assert_eq!(got.len(), 60);
    let ids: BTreeSet<String> = got.iter().map(|one| one.attribute("id").to_owned()).collect();
    assert_eq!(ids, sent);
}

#[test]
fn a_full_queue_refuses_until_a_consumer_makes_room() {
    let (_world, gateway) = start("  inbox: { limits: { events: 2 } }");
    post(&gateway, "1");
    post(&gateway, "2");
    let request = http::request("POST", "/hooks/open", &[], b"3");
    let answer = gateway.send(&request);
    answer.assert_problem(503, "queue_full");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(gateway.consumer().take("inbox", 2).len(), 2);
    wait_for("room", || (gateway.send(&request).status == 202).then_some(()));
}

#[test]
fn metrics_and_health_say_what_the_queues_say() {
    let (_world, gateway) = start("  inbox: {}");
    (0..3).for_each(|at| drop(post(&gateway, &at.to_string())));
    let one = next(&gateway, "inbox");
    gateway.consumer().ack("inbox", &[one]);
    let metrics = gateway.admin_get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    for line in [
        "sluicegate_queue_depth{queue=\"inbox\"} 2",
        "sluicegate_queue_enqueued_total{queue=\"inbox\"} 3",
        "sluicegate_queue_acked_total{queue=\"inbox\"} 1",
        "sluicegate_queue_handed_out_total{queue=\"inbox\"} 1",
        "sluicegate_queue_latency_seconds_count{queue=\"inbox\"} 1",
        "sluicegate_queue_event_bytes_count{queue=\"inbox\"} 3",
        "sluicegate_source_deliveries_total{source=\"open\",result=\"accepted\"} 3",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    assert_eq!(gateway.admin_get("/readyz").status, 200);
}
