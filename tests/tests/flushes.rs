//! What the kernel sees of durability: how often the real binary flushes, and that each
//! acknowledgement leaves after the flush of its event. The witness is `strace`, not the gateway.

use std::thread;
use std::time::Duration;

use sluicegate_tests::config;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::Connection;
use sluicegate_tests::metrics;
use sluicegate_tests::senders::{PATH, delivery};
use sluicegate_tests::strace::{start_traced, trace};
use sluicegate_tests::world::World;

const SENDERS: usize = 64;
const EVENTS_EACH: usize = 20;
const SEGMENT: &str = "/data/log/0000000001.log>";

/// Whether this is a flush of the first segment that succeeded.
fn is_flush(call: &str) -> bool {
    let flush = call.starts_with("fdatasync(") || call.starts_with("fsync(");
    flush && call.contains(SEGMENT) && call.ends_with("= 0")
}

fn flushes_seen(world: &World) -> usize {
    trace(world).iter().filter(|call| is_flush(call)).count()
}

/// What the gateway itself says.
fn flushes_said(gateway: &Gateway) -> usize {
    metrics::value(gateway, "sluicegate_store_fsync_seconds_count") as usize
}

#[test]
fn the_kernel_sees_as_many_flushes_as_the_metric_says_and_senders_share_them() {
    let world = World::new(&config::under_load());
    let gateway = start_traced(&world, &["fdatasync", "fsync"]);
    assert_eq!(gateway.deliver(PATH, &delivery(0)).status, 202);
    // Flushes of a segment that is made, before it is written to: no sender waits for them.
    let mut last = (0, 0);
    let made = wait_for("the kernel and the metric to stand still", || {
        let now = (flushes_seen(&world), flushes_said(&gateway));
        thread::sleep(Duration::from_millis(300));
        (std::mem::replace(&mut last, now) == now && now.1 > 0).then(|| now.0 - now.1)
    });
    assert!(made >= 2, "{made}");
    let http = gateway.http();
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                let mut connection = Connection::open(http).unwrap();
                for number in 0..EVENTS_EACH {
                    let number = 1 + sender * EVENTS_EACH + number;
                    let answer = connection.exchange(&delivery(number).request(PATH)).unwrap();
                    assert_eq!(answer.status, 202, "{}", answer.text());
                }
            });
        }
    });
    // The trace is written by another process, and one flush more may just be on its way.
    let said = wait_for("as many flushes in the kernel as in the metric", || {
        let said = flushes_said(&gateway);
        (flushes_seen(&world) == said + made).then_some(said)
    });
    let events = SENDERS * EVENTS_EACH;
    println!("{events} events, {said} flushes");
    // How many share one depends on how busy the machine is.
    assert!(said > 0 && said * 4 < events * 3, "{said} flushes for {events} events of {SENDERS}");
    assert_eq!(gateway.consumer().depth("inbox"), 1 + events as u64);
}

#[test]
fn each_acknowledgement_leaves_after_the_write_and_the_flush_of_its_event() {
    let world = World::new(&config::under_load());
    let calls = ["fdatasync", "fsync", "pwrite64", "write", "writev", "sendto", "sendmsg"];
    let gateway = start_traced(&world, &calls);
    let mut connection = Connection::open(gateway.http()).unwrap();
    for number in 0..50 {
        let answer = connection.exchange(&delivery(number).request(PATH)).unwrap();
        assert_eq!(answer.status, 202);
    }
    let is_answer = |call: &String| call.contains("HTTP/1.1 202");
    let calls = wait_for("the trace of all answers", || {
        Some(trace(&world))
            .filter(|calls| calls.iter().filter(|call| is_answer(call)).count() == 50)
    });
    // One event at a time: its write, its flush and its answer lie between two answers.
    for (number, between) in calls.split_inclusive(is_answer).take(50).enumerate() {
        let write = |call: &String| call.starts_with("pwrite64(") && call.contains(SEGMENT);
        let written = between.iter().rposition(write);
        let flushed = between.iter().rposition(|call| is_flush(call));
        assert!(written.is_some() && written < flushed, "event {number}: {between:#?}");
        assert!(between.last().is_some_and(is_answer), "event {number}: {between:#?}");
    }
}
