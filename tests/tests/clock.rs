//! The wall clock is set forward and back while the gateway runs: no lease, delay or long poll is
//! stuck for the length of a jump, events come and go, and signed timestamps are held against the
//! clock as it is set.

use std::time::{Duration, Instant};

use serde_json::json;
use sluicegate_tests::config::{self, STANDARD_SECRET};
use sluicegate_tests::consumer::Consumer;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Repeat};
use sluicegate_tests::senders::{PATH, delivery, number_of};
use sluicegate_tests::signing;
use sluicegate_tests::wall_clock::{HOUR, WallClock, YEAR};
use sluicegate_tests::world::World;

/// Jumps of the clock, in seconds. Each is much longer than a test waits for anything.
const JUMPS: [i64; 4] = [HOUR, -HOUR, YEAR, -YEAR];

fn started() -> (WallClock, World, Gateway) {
    let clock = WallClock::new();
    let world = clock.over(World::new(&config::under_load()));
    let gateway = world.start();
    (clock, world, gateway)
}

fn send(gateway: &Gateway, number: usize) -> Repeat {
    gateway.deliver(PATH, &delivery(number)).accepted().repeat
}

/// Waits until this event is handed out, and acknowledges it.
#[track_caller]
fn comes(consumer: &Consumer, number: usize) {
    wait_for(&format!("event {number}"), || {
        let taken = consumer.receive("inbox", 1, 100);
        consumer.ack("inbox", &taken);
        taken.iter().any(|one| number_of(&one.payload) == number).then_some(())
    });
}

#[test]
fn the_gateway_of_these_tests_believes_the_clock_that_is_set() {
    let (clock, _world, gateway) = started();
    let year = || {
        let date = gateway.admin_get("/healthz").header("date").unwrap().to_owned();
        date.split(' ').nth(3).unwrap().parse::<i32>().unwrap()
    };
    let now = year();
    clock.set_ahead(YEAR);
    wait_for("the next year", || (year() > now).then_some(()));
    clock.set_ahead(-YEAR);
    wait_for("the last year", || (year() < now).then_some(()));
}

#[test]
fn leases_and_delays_end_whatever_the_clock_does() {
    let (clock, _world, gateway) = started();
    let consumer = gateway.consumer();
    let mut number = 0;
    for jump in JUMPS {
        clock.set_ahead(0);
        (number..number + 2).for_each(|number| assert_eq!(send(&gateway, number), Repeat::First));
        let both = consumer.take_leased("inbox", 2);
        let extend = json!({ "extend": [{ "receipt": both[0].receipt, "lease_ms": 1_500 }] });
        assert_eq!(consumer.settle("inbox", &extend)["results"][0]["status"], "done");
        consumer.delay("inbox", &both[1], 1_500);
        clock.set_ahead(jump);
        comes(&consumer, number);
        comes(&consumer, number + 1);
        // And what begins after the jump ends when the clock is right again.
        assert_eq!(send(&gateway, number + 2), Repeat::First);
        assert_eq!(consumer.receive_for("inbox", 1, 0, 1_500).len(), 1);
        clock.set_ahead(0);
        comes(&consumer, number + 2);
        number += 3;
    }
    assert_eq!(consumer.depth("inbox"), 0);
}

#[test]
fn events_come_and_go_in_order_and_once_across_jumps() {
    let (clock, world, gateway) = started();
    let consumer = gateway.consumer();
    let mut number = 0;
    for jump in JUMPS {
        clock.set_ahead(jump);
        for at in number..number + 5 {
            assert_eq!(send(&gateway, at), Repeat::First);
            assert_eq!(send(&gateway, at), Repeat::Duplicate, "{at} after a jump of {jump} s");
        }
        number += 5;
        // A long poll on an empty queue ends in its own time too.
        let start = Instant::now();
        assert!(consumer.receive("dead-letters", 1, 500).is_empty());
        let waited = start.elapsed();
        let in_time = Duration::from_millis(400)..Duration::from_secs(15);
        assert!(in_time.contains(&waited), "{waited:?} after a jump of {jump} s");
    }
    let taken = consumer.take("inbox", number);
    let numbers: Vec<usize> = taken.iter().map(|one| number_of(&one.payload)).collect();
    assert_eq!(numbers, (0..number).collect::<Vec<_>>());
    gateway.kill();
    clock.set_ahead(0);
    let gateway = world.start();
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    assert_eq!(send(&gateway, number), Repeat::First);
}

#[test]
fn signed_timestamps_are_held_against_the_clock_as_it_is_set() {
    let clock = WallClock::new();
    let gateway = clock.over(World::new(&config::every_scheme())).start();
    let post = |id: &str| {
        let (body, now) = (b"{}", signing::unix_s_now());
        let signature = signing::standard_webhooks(STANDARD_SECRET, id, now, body);
        let headers = http::headers(&[
            ("Content-Type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", &now.to_string()),
            ("webhook-signature", &signature),
        ]);
        gateway.send(&http::request("POST", "/hooks/standard", &headers, body))
    };
    assert_eq!(post("before").status, 202);
    for (jump, why) in [(HOUR, "ms old"), (-HOUR, "ms ahead")] {
        clock.set_ahead(jump);
        post("while").assert_problem(401, "signature_refused");
        gateway.wait_for_log(why);
    }
    clock.set_ahead(0);
    assert_eq!(post("after").status, 202);
}
