//! The HTTP sink of the real binary, against a receiver that it knows nothing about.

use std::time::Duration;

use sluicegate_tests::config;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http;
use sluicegate_tests::receiver::{Answer, Receiver, Taken};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

/// A world whose queue `inbox` is pushed to the receiver; `stall` gets every event too.
fn start(url: &str, sink: &str) -> (World, Gateway) {
    let configuration = format!(
        "{}sinks:\n  hook: {{ from: inbox, http: {{ url: \"{url}\", {sink} }} }}\n",
        config::open_source(
            "  inbox: { retry: { attempts: 3, min: 10ms, max: 20ms }, dead_letter: dead }\n  \
             dead: {}\n  other: {}"
        )
        .replace("to: [ inbox ]", "to: [ inbox, other ]")
        .replace("secrets:\n", "secrets:\n  hook: { env: HOOK_SECRET }\n")
    );
    let world = World::new(&configuration);
    let gateway = world.start();
    (world, gateway)
}

const SIGNED: &str = "sign: [ hook ], allow_private: true, headers: { x-team: blue }";

fn post(gateway: &Gateway, body: &str) -> String {
    let headers = http::headers(&[("Content-Type", "application/json; charset=utf-8")]);
    let request = http::request("POST", "/hooks/open", &headers, body.as_bytes());
    gateway.send(&request).accepted().id
}

/// Fails unless the request carries a true Standard Webhooks signature of its body.
fn assert_signed(taken: &Taken) {
    let time: u64 = taken.header("webhook-timestamp").parse().unwrap();
    assert!(time.abs_diff(signing::unix_s_now()) < 120, "{time}");
    let id = taken.header("webhook-id");
    let right = signing::standard_webhooks(config::STANDARD_SECRET, id, time, &taken.body);
    assert_eq!(taken.header("webhook-signature"), right);
}

#[test]
fn an_event_is_pushed_once_byte_for_byte_and_signed() {
    let receiver = Receiver::start(|_, _| Answer::status(204));
    let (_world, gateway) = start(&receiver.url("/in?a=1"), SIGNED);
    let body = "{ \"a\" : 10000000000000000000001 }\n";
    let id = post(&gateway, body);
    let taken = receiver.wait_for(1).remove(0);
    assert_eq!(taken.line, "POST /in?a=1 HTTP/1.1");
    assert_eq!(taken.body, body.as_bytes());
    assert_eq!(taken.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(taken.header("x-team"), "blue");
    assert_eq!(taken.header("webhook-id"), id);
    assert_eq!((taken.header("ce-id"), taken.header("ce-source")), (&*id, "open"));
    assert_eq!(taken.header("ce-specversion"), "1.0");
    assert_signed(&taken);
    gateway.wait_until_empty("inbox");
    assert_eq!(gateway.consumer().depth("dead"), 0);
    assert_eq!(receiver.taken().len(), 1);
}

#[test]
fn a_retry_after_is_honoured_and_each_attempt_is_signed_anew_under_one_id() {
    let receiver = Receiver::start(|_, number| match number {
        0 => Answer::status(503).with("Retry-After", "2"),
        1 => Answer::status(429).with("Retry-After", "1"),
        _ => Answer::status(200),
    });
    let (_world, gateway) = start(&receiver.url("/"), SIGNED);
    let id = post(&gateway, "{}");
    let taken = receiver.wait_for(3);
    assert!(taken[1].at - taken[0].at >= Duration::from_secs(2), "the first wait was too short");
    assert!(taken[2].at - taken[1].at >= Duration::from_secs(1), "the second wait was too short");
    for attempt in &taken {
        assert_eq!(attempt.header("webhook-id"), id);
        assert_signed(attempt);
    }
    gateway.wait_until_empty("inbox");
    assert_eq!(gateway.consumer().depth("dead"), 0);
}

#[test]
fn a_receiver_that_is_gone_for_good_is_asked_once() {
    let receiver = Receiver::start(|_, _| Answer::status(410));
    let (_world, gateway) = start(&receiver.url("/"), SIGNED);
    let id = post(&gateway, r#"{"n":1}"#);
    let dead = gateway.consumer().take("dead", 1).remove(0);
    assert_eq!((dead.attribute("id"), dead.payload.as_slice()), (&*id, &br#"{"n":1}"#[..]));
    assert_eq!(dead.whole["letter"]["cause"], "given_up");
    assert_eq!(dead.whole["letter"]["origin"], "inbox");
    assert_eq!(receiver.taken().len(), 1);
}

#[test]
fn failed_attempts_are_bounded_and_end_in_the_dead_letter_queue() {
    let receiver = Receiver::start(|_, _| Answer::status(500));
    let (_world, gateway) = start(&receiver.url("/"), SIGNED);
    post(&gateway, "{}");
    let dead = gateway.consumer().take("dead", 1).remove(0);
    assert_eq!(dead.whole["letter"]["cause"], "attempts_exhausted");
    assert!(dead.whole["letter"]["reason"].as_str().unwrap().contains("500"));
    assert_eq!(receiver.taken().len(), 3);
}

#[test]
fn a_dead_sink_stalls_its_own_queue_and_nothing_else() {
    // A port that was free a moment ago: nothing listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_world, gateway) = start(&format!("http://{closed}/"), SIGNED);
    let sent: Vec<String> = (0..20).map(|at| post(&gateway, &at.to_string())).collect();
    let taken = gateway.consumer().take("other", 20);
    let got: Vec<&str> = taken.iter().map(|one| one.attribute("id")).collect();
    assert_eq!(got, sent);
    assert_eq!(gateway.consumer().take("dead", 20).len(), 20);
}

#[test]
fn a_private_address_is_not_called_unless_it_is_allowed() {
    let receiver = Receiver::start(|_, _| Answer::status(204));
    // An address is refused by `check` already; a name that leads to one, when it is called.
    let url = receiver.url("/").replace("127.0.0.1", "localhost");
    let (_world, gateway) = start(&url, "sign: [ hook ]");
    post(&gateway, "{}");
    let dead = gateway.consumer().take("dead", 1).remove(0);
    assert_eq!(dead.whole["letter"]["origin"], "inbox");
    assert_eq!(receiver.taken().len(), 0);
}

#[test]
fn what_was_not_pushed_before_a_crash_is_pushed_after_it() {
    let receiver = Receiver::start(|_, number| {
        Answer::status(if number == 0 { 503 } else { 204 }).with("Retry-After", "3")
    });
    let (world, gateway) = start(&receiver.url("/"), SIGNED);
    let id = post(&gateway, "{}");
    assert_eq!(receiver.wait_for(1).len(), 1);
    gateway.kill();
    let gateway = world.start();
    let taken = receiver.wait_for(2);
    assert_eq!(taken[1].header("webhook-id"), id);
    gateway.wait_until_empty("inbox");
}
