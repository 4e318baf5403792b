//! What must hold when the wall clock jumps forward, or was ahead for a while: leases and delays
//! last as long as they were asked for, nothing expires in bulk, nothing that was written down is
//! stuck after a restart, and idempotency keys are not forgotten.

use serde_json::json;
use sluicegate_tests::config;
use sluicegate_tests::consumer::Consumer;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::Repeat;
use sluicegate_tests::metrics;
use sluicegate_tests::senders::{PATH, delivery, number_of};
use sluicegate_tests::wall_clock::{HOUR, WallClock, YEAR};
use sluicegate_tests::world::World;

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
fn leases_and_delays_outlast_every_jump_and_are_settled_after_it() {
    let (clock, _world, gateway) = started();
    (0..200).for_each(|number| assert_eq!(send(&gateway, number), Repeat::First));
    let consumer = gateway.consumer();
    let leased = consumer.receive_for("inbox", 100, 0, 60_000);
    let delayed = consumer.receive_for("inbox", 100, 0, 60_000);
    delayed.iter().for_each(|one| consumer.delay("inbox", one, 60_000));
    for jump in [-HOUR, HOUR, -YEAR, YEAR, 0] {
        clock.set_ahead(jump);
        let early = consumer.receive("inbox", 200, 200);
        assert!(early.is_empty(), "{} events expired on a jump of {jump} s", early.len());
        let expired =
            metrics::value(&gateway, r#"sluicegate_queue_lease_expiries_total{queue="inbox"}"#);
        assert!(expired < 0.1, "{expired} leases expired on a jump of {jump} s");
        assert_eq!(consumer.stats("inbox")["delayed"], 100, "after a jump of {jump} s");
    }
    let receipts: Vec<&str> = leased.iter().map(|one| one.receipt.as_str()).collect();
    let settled = consumer.settle("inbox", &json!({ "ack": receipts }));
    assert!(settled["results"].as_array().unwrap().iter().all(|one| one["status"] == "done"));
    assert_eq!(consumer.depth("inbox"), 100);
}

#[test]
fn a_delay_is_not_stuck_when_the_clock_was_set_back_before_a_restart() {
    for jump in [-HOUR, -YEAR] {
        let (clock, world, gateway) = started();
        assert_eq!(send(&gateway, 0), Repeat::First);
        let consumer = gateway.consumer();
        consumer.delay("inbox", &consumer.receive("inbox", 1, 0)[0], 1_500);
        gateway.kill();
        clock.set_ahead(jump);
        let gateway = world.start();
        comes(&gateway.consumer(), 0);
    }
}

#[test]
fn a_delay_is_not_stuck_when_the_clock_was_ahead_for_a_while_before_a_restart() {
    let (clock, world, gateway) = started();
    assert_eq!(send(&gateway, 0), Repeat::First);
    let consumer = gateway.consumer();
    clock.set_ahead(YEAR);
    consumer.delay("inbox", &consumer.receive("inbox", 1, 0)[0], 1_500);
    clock.set_ahead(0);
    gateway.kill();
    comes(&world.start().consumer(), 0);
}

#[test]
fn idempotency_keys_are_not_forgotten_by_a_jump() {
    let (clock, world, gateway) = started();
    assert_eq!(send(&gateway, 0), Repeat::First);
    clock.set_ahead(YEAR);
    assert_eq!(send(&gateway, 1), Repeat::First);
    assert_eq!(send(&gateway, 0), Repeat::Duplicate, "while the clock is ahead");
    clock.set_ahead(0);
    assert_eq!(send(&gateway, 0), Repeat::Duplicate, "when the clock is right again");
    gateway.kill();
    assert_eq!(send(&world.start(), 0), Repeat::Duplicate, "after a restart");
}
