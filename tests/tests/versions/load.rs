//! Versions that change while deliveries come as fast as they are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::deadline::{wait_for, wait_within};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics;
use sluicegate_tests::senders::{Senders, number_of};
use sluicegate_tests::world::World;

use crate::{LOADED, MASKS, digest, made_by, placed, put, redactor, shown, trap, world};

/// Waits until so many more deliveries were acknowledged.
fn more(senders: &Senders, count: usize) {
    let from = senders.acked();
    wait_within(LOADED, "deliveries", || (senders.acked() >= from + count).then_some(()));
}

/// Stops the gateway under its senders, starts another, and gives every event that it has.
fn all_events(world: &World, gateway: Gateway, queues: &[&str]) -> (Vec<Delivered>, Gateway) {
    assert!(gateway.stop().success());
    let gateway = world.start();
    let consumer = gateway.consumer();
    (queues.iter().flat_map(|queue| consumer.drain(queue)).collect(), gateway)
}

/// Fails unless every acknowledged delivery is there once, and none was refused while it ran.
fn none_is_lost(senders: Senders, events: &[Delivered]) {
    let (told, _) = senders.finish();
    // What the gateway refuses when it stops is no concern of its plugins.
    assert!(told.refused.values().all(|status| *status == 503), "{:?}", told.refused);
    let mut seen = BTreeSet::new();
    for event in events {
        let number = number_of(&event.payload);
        assert!(seen.insert(number), "{number} came twice");
    }
    let lost: Vec<_> = told.acked.keys().filter(|number| !seen.contains(number)).collect();
    assert!(lost.is_empty() && !told.acked.is_empty(), "lost: {lost:?}");
}

const SENDERS: usize = 4;
const SWAPS: usize = 20;

#[test]
fn a_bad_version_under_load_is_rolled_back_and_no_event_is_lost_or_refused() {
    let world = world(MASKS);
    let gateway = world.start();
    let senders = Senders::start(gateway.http(), 0, SENDERS);
    more(&senders, 50);
    placed(&gateway, "", &trap());
    wait_for("the way back", || (shown(&gateway)["rollbacks"] == 1).then_some(()));
    more(&senders, 50);
    let plugin = shown(&gateway);
    assert_eq!(plugin["standing"], "running");
    assert_eq!(plugin["current"], digest(&redactor(1)));
    assert_eq!(plugin["quarantined"][0], digest(&trap()));
    put(&gateway, "", &trap()).assert_problem(409, "plugin_quarantined");
    put(&gateway, "?shadow=true", &trap()).assert_problem(409, "plugin_quarantined");
    let rollbacks = metrics::value(&gateway, "sluicegate_plugin_rollbacks_total{plugin=\"asked\"}");
    assert_eq!(rollbacks, 1.0);
    let senders_told = senders.told();
    assert!(senders_told.refused.is_empty(), "{:?}", senders_told.refused);
    let (events, gateway) = all_events(&world, gateway, &["inbox", "dead-letters"]);
    let dead = events.iter().filter(|one| one.whole["letter"]["cause"] == "filter_trap").count();
    assert!(dead >= 10, "{dead} events met the bad version");
    let good = events.iter().filter(|one| made_by(one) == digest(&redactor(1))[..12]).count();
    assert!(good >= 100, "{good} events met the good version");
    none_is_lost(senders, &events);
    assert_eq!(shown(&gateway)["quarantined"][0], digest(&trap()), "a restart forgets nothing");
}

#[test]
fn versions_are_swapped_under_load_and_every_event_meets_exactly_one() {
    let world = world(MASKS);
    let gateway = world.start();
    let versions = [redactor(1), redactor(2)];
    placed(&gateway, "", &versions[1]);
    placed(&gateway, "", &versions[0]);
    let senders = Senders::start(gateway.http(), 0, SENDERS);
    more(&senders, 50);
    let longest = |swap: &dyn Fn(usize)| {
        let stop = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            let (watched, senders) = (Arc::clone(&stop), &senders);
            let gap = scope.spawn(move || longest_gap(senders, &watched));
            (0..SWAPS).for_each(|round| {
                swap(round);
                more(senders, 25);
            });
            stop.store(true, Ordering::Relaxed);
            gap.join().unwrap()
        })
    };
    // A disk may stall once, with or without a swap: what swaps cost shows each time.
    let pairs = (1..=5).find(|_| {
        let without = longest(&|_| ());
        let with = longest(&|round| placed(&gateway, "", &versions[(round + 1) % 2]));
        println!("longest without an answer: {without:?}, {with:?} with {SWAPS} swaps");
        with < without + Duration::from_millis(100)
    });
    let pairs = pairs.expect("a time in which swaps held nobody up");
    assert_eq!(shown(&gateway)["swaps"], 2 + pairs * SWAPS);
    assert!(senders.told().refused.is_empty(), "{:?}", senders.told().refused);
    let (events, _gateway) = all_events(&world, gateway, &["inbox", "dead-letters"]);
    let mut by = BTreeMap::new();
    for event in &events {
        *by.entry(made_by(event)).or_insert(0) += 1;
    }
    let both: BTreeSet<_> = versions.iter().map(|bytes| digest(bytes)[..12].to_owned()).collect();
    assert_eq!(by.keys().cloned().collect::<BTreeSet<_>>(), both, "{by:?}");
    none_is_lost(senders, &events);
}

/// The longest time in which no delivery was acknowledged.
fn longest_gap(senders: &Senders, stop: &AtomicBool) -> Duration {
    let (mut acked, mut at, mut longest) = (senders.acked(), Instant::now(), Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let now = senders.acked();
        if now > acked {
            longest = longest.max(at.elapsed());
            (acked, at) = (now, Instant::now());
        }
        thread::yield_now();
    }
    longest
}
