//! The power goes off at every step of a workload. Then: every acknowledged event is there once,
//! everything else wholly or not at all, and no acknowledged settlement is undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::{Settled, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::{Store, StoreConfig};

/// What the callers of the store were told.
#[derive(Default)]
struct Told {
    /// Commits whose receipt came.
    committed: BTreeMap<u64, EventId>,
    /// Commits that were asked for.
    asked: BTreeSet<u64>,
    settled: BTreeMap<(&'static str, u64), Fate>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Acked,
    Dead,
    /// Put back, by a failure or a redrive.
    Ready,
    /// The settlement was asked for, and no answer came.
    Unknown,
    /// A dead letter was wanted back, and no answer came.
    Redriving,
}

/// Small segments, and no end of attempts: only the workload gives events up.
fn small() -> StoreConfig {
    let mut small = StoreConfig { segment_bytes: 4 * 1024, ..config("") };
    small.queues.iter_mut().for_each(|queue| queue.retry.attempts_max = u32::MAX);
    small
}

/// Runs until all is done or the store refuses.
async fn work(store: &Store, told: &mut Told, rounds: u64) {
    for round in 0..rounds {
        let first = told.asked.last().map_or(0, |last| last + 1);
        let events: Vec<_> = (first..first + 3).map(event).collect();
        told.asked.extend(first..first + 3);
        let commit = |at: usize| {
            let key = format!("key-{}", first + at as u64);
            store.commit(routed(&events[at], Some(&key), &["a", "b"]))
        };
        let receipts = tokio::join!(commit(0), commit(1), commit(2));
        for (receipt, number) in [receipts.0, receipts.1, receipts.2].into_iter().zip(first..) {
            let Ok(receipt) = receipt else { return };
            told.committed.insert(number, receipt.event());
        }
        if round % 4 == 3 && !redrive(store, told).await {
            return;
        }
        for queue in ["a", "b"] {
            let ask = Ask { max: 5, wait: Duration::ZERO, lease: Duration::from_secs(60) };
            let Ok(got) = store.receive(&name(queue), ask).await else { return };
            for one in got {
                let number = number_of(&one.event);
                let (verb, fate) = match (number + round) % 7 {
                    0..4 => (Verb::Ack, Fate::Acked),
                    4 => (Verb::GiveUp { reason: "never".into() }, Fate::Dead),
                    5 => (
                        Verb::Nack { delay: Some(Duration::ZERO), reason: "no".into() },
                        Fate::Ready,
                    ),
                    // Held: the lease is void after the crash.
                    _ if round + 5 > rounds => continue,
                    _ => (Verb::Ack, Fate::Acked),
                };
                told.settled.insert((queue, number), Fate::Unknown);
                let settlement = Settlement { receipt: one.receipt, verb };
                let Ok(settled) = store.settle(&name(queue), vec![settlement]).await else {
                    return;
                };
                assert_eq!(settled, [Settled::Done]);
                told.settled.insert((queue, number), fate);
            }
        }
    }
}

/// Moves every dead letter back.
async fn redrive(store: &Store, told: &mut Told) -> bool {
    let dead = |fate: &&mut Fate| matches!(fate, Fate::Dead | Fate::Redriving);
    told.settled.values_mut().filter(dead).for_each(|fate| *fate = Fate::Redriving);
    if store.redrive(&name("dead"), 1000).await.is_err() {
        return false;
    }
    let back = told.settled.values_mut().filter(|fate| **fate == Fate::Redriving);
    back.for_each(|fate| *fate = Fate::Ready);
    true
}

async fn check(store: &Store, told: &Told, what: &str) {
    let mut dead: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for one in receive_all(store, "dead").await {
        let origin = one.letter.unwrap().origin.unwrap();
        let origin = if origin.as_str() == "a" { "a" } else { "b" };
        dead.entry(origin).or_default().push(number_of(&one.event));
    }
    let a = numbers(store, "a").await;
    let b = numbers(store, "b").await;
    for (queue, found) in [("a", &a), ("b", &b)] {
        let dead = dead.entry(queue).or_default();
        for number in &told.asked {
            let here = found.iter().filter(|other| *other == number).count();
            let given_up = dead.iter().filter(|other| *other == number).count();
            let fate = told.settled.get(&(queue, *number));
            let expected: &[(usize, usize)] = match (fate, told.committed.get(number)) {
                (Some(Fate::Acked), _) => &[(0, 0)],
                (Some(Fate::Dead), _) => &[(0, 1)],
                (Some(Fate::Ready), _) => &[(1, 0)],
                (Some(Fate::Redriving), _) => &[(1, 0), (0, 1)],
                (Some(Fate::Unknown), _) => &[(0, 0), (1, 0), (0, 1)],
                (None, Some(_)) => &[(1, 0)],
                (None, None) => &[(0, 0), (1, 0)],
            };
            assert!(
                expected.contains(&(here, given_up)),
                "{what}: event {number} in {queue}: {here} times, dead {given_up} times, {fate:?}"
            );
        }
    }
    let untouched = |number: &&u64| {
        let settled = |queue| told.settled.contains_key(&(queue, **number));
        !told.committed.contains_key(number) && !settled("a") && !settled("b")
    };
    for number in told.asked.iter().filter(untouched) {
        assert_eq!(a.contains(number), b.contains(number), "{what}: half of commit {number}");
    }
}

/// Every receipt that was given is given again for the same key.
async fn check_keys(store: &Store, told: &Told, what: &str) {
    for (number, id) in &told.committed {
        let key = format!("key-{number}");
        let again = store.commit(routed(&event(*number), Some(&key), &["a", "b"])).await.unwrap();
        assert_eq!((again.repeat(), again.event()), (Repeat::Duplicate, *id), "{what}: {key}");
    }
}

fn disk_of(disk: &SimulatedDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

const ROUNDS: u64 = 25;

#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_that_was_acknowledged() {
    let disk = cut_at_every_step(&small(), ROUNDS).await;
    assert!(!disk.list("keys").unwrap().is_empty(), "segments go");
    assert!(disk.steps() > 300, "{} steps", disk.steps());
}

#[tokio::test]
async fn a_power_cut_at_any_step_of_a_sealed_store_loses_nothing_either() {
    let disk = cut_at_every_step(&sealed_by(small(), "one"), 9).await;
    assert!(!disk.list("keys").unwrap().is_empty(), "segments go");
    assert!(disk.steps() > 100, "{} steps", disk.steps());
}

/// Cuts the power before each step of a workload; returns the disk on which all of it was done.
async fn cut_at_every_step(config: &StoreConfig, rounds: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), config);
    let mut told = Told::default();
    work(&store, &mut told, rounds).await;
    store.stop().await;
    assert_eq!(told.committed.len(), 3 * rounds as usize);
    for step in 1..=disk.steps() {
        let disk = SimulatedDisk::new();
        disk.die_at(step);
        let mut told = Told::default();
        if let Ok(store) = Store::open_on(disk_of(&disk), config, wall_clock()) {
            work(&store, &mut told, rounds).await;
        }
        let what = format!("power cut at step {step}");
        let after = disk.after_power_cut(step);
        let store = open_on(&disk_of(&after), config);
        check(&store, &told, &what).await;
        check_keys(&store, &told, &what).await;
    }
    disk
}

#[tokio::test]
async fn power_cuts_during_recovery_and_again_lose_nothing() {
    let mut random = Random(11);
    for life in 0..40 {
        let mut told = Told::default();
        let mut disk = SimulatedDisk::new();
        for _cut in 0..4 {
            disk.die_at(1 + random.below(120));
            if let Ok(store) = Store::open_on(disk_of(&disk), &small(), wall_clock()) {
                work(&store, &mut told, ROUNDS).await;
            }
            disk = disk.after_power_cut(random.below(u64::MAX));
        }
        let store = open_on(&disk_of(&disk), &small());
        check(&store, &told, &format!("life {life}")).await;
        check_keys(&store, &told, &format!("life {life}")).await;
    }
}

#[tokio::test]
async fn a_restart_after_a_failed_flush_does_not_believe_the_cache() {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), &small());
    commit(&store, 1, &["a"]).await;
    disk.fail_flush_after(0);
    let lost = event(2);
    store.commit(routed(&lost, Some("k"), &["a"])).await.unwrap_err();
    drop(store);
    // The process is started again; the power was never off, so the cache still has event 2.
    let store = open_on(&disk_of(&disk), &small());
    let again = store.commit(routed(&event(3), Some("k"), &["a"])).await.unwrap();
    assert_eq!(again.repeat(), Repeat::First, "the flush of the first one failed");
    let after = disk.after_power_cut(1);
    drop(store);
    let store = open_on(&disk_of(&after), &small());
    assert_eq!(numbers(&store, "a").await, [1, 3]);
}
