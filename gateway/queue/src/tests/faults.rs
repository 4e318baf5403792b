//! A disk that fails: the store refuses, and says so; it never acknowledges and never tries again.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::{QueueFault, Settled, Verb};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::{FsyncMode, StoreConfig};

fn simulated() -> (SimulatedDisk, Arc<dyn Disk>) {
    let disk = SimulatedDisk::new();
    (disk.clone(), Arc::new(disk))
}

const ASK: Ask = Ask { max: 1, wait: Duration::ZERO, lease: Duration::from_secs(30) };

#[tokio::test]
async fn a_failed_flush_refuses_all_that_waits_and_all_that_comes() {
    let (disk, seam) = simulated();
    let store = open_on(&seam, &config(""));
    commit(&store, 1, &["a"]).await;
    disk.fail_flush_after(0);
    let refused = store.commit(routed(&event(2), None, &["a"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    let steps = disk.steps();
    let refused = store.commit(routed(&event(3), None, &["a"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    let fault = store.receive(&name("a"), ASK).await.unwrap_err();
    assert!(matches!(fault, QueueFault::StoreUnavailable { .. }), "{fault}");
    assert!(store.metrics().poisoned);
    store.stop().await;
    assert_eq!(disk.steps(), steps, "the disk is not touched again");
}

#[tokio::test]
async fn a_full_disk_refuses_and_the_reserve_refuses_before() {
    let (disk, seam) = simulated();
    let store = open_on(&seam, &config(""));
    disk.leave_room(0);
    let mut refused = 0;
    for number in 0..100 {
        match store.commit(routed(&event(number), None, &["a"])).await {
            Ok(_) => assert_eq!(refused, 0),
            Err(Refusal::StoreUnavailable { .. }) => {
                refused += 1;
                assert!(store.metrics().disk_full, "who is refused and asks is told why");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0);

    let (disk, seam) = simulated();
    disk.say_free(64 << 20);
    let reserve = StoreConfig { free_bytes_min: 128 << 20, ..config("") };
    let store = open_on(&seam, &reserve);
    let refused = store.commit(routed(&event(1), None, &["a"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    assert!(store.metrics().disk_full);
    disk.say_free(1 << 40);
    eventually("space is looked at again", async || !store.metrics().disk_full).await;
    commit(&store, 2, &["a"]).await;
}

#[tokio::test]
async fn too_much_on_its_way_is_refused_as_overload() {
    let (_, seam) = simulated();
    let tight = StoreConfig { in_flight_bytes_max: 1, ..config("") };
    let store = Arc::new(open_on(&seam, &tight));
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(routed(&event(number), None, &["a"])).await })
        })
        .collect();
    let (mut stored, mut overloaded) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => stored += 1,
            Err(Refusal::Overloaded { .. }) => overloaded += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(stored > 0 && overloaded > 0, "{stored} stored, {overloaded} overloaded");
    assert_eq!(stats(&store, "a").await.depth, stored);
}

#[tokio::test]
async fn an_interval_flushes_by_itself_and_a_stop_flushes_the_rest() {
    let (disk, seam) = simulated();
    let config = StoreConfig { fsync: FsyncMode::Interval(Duration::from_millis(5)), ..config("") };
    let store = open_on(&seam, &config);
    commit(&store, 1, &["a"]).await;
    let flushed = || store.metrics().fsync_us.buckets.iter().sum::<u64>() > 0;
    eventually("the interval flushes", async || flushed()).await;
    let cut: Arc<dyn Disk> = Arc::new(disk.after_power_cut(3));
    assert_eq!(numbers(&open_on(&cut, &config), "a").await, [1]);
    commit(&store, 2, &["a"]).await;
    store.stop().await;
    let cut: Arc<dyn Disk> = Arc::new(disk.after_power_cut(3));
    assert_eq!(numbers(&open_on(&cut, &config), "a").await, [1, 2]);
}

#[tokio::test]
async fn a_write_that_finds_no_room_is_waited_out_and_nobody_notices() {
    let (disk, seam) = simulated();
    let store = open_on(&seam, &config(""));
    commit(&store, 1, &["a"]).await;
    disk.fail_writes(3);
    commit(&store, 2, &["a"]).await;
    assert!(!store.metrics().poisoned);
    eventually("space is looked at again", async || !store.metrics().disk_full).await;
    commit(&store, 3, &["a"]).await;
    store.stop().await;
    assert_eq!(store.failure(), None);
    assert_eq!(numbers(&open_on(&seam, &config("")), "a").await, [1, 2, 3]);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_room_and_says_that_it_had_none() {
    let (disk, seam) = simulated();
    let store = Arc::new(open_on(&seam, &config("")));
    commit(&store, 1, &["a"]).await;
    disk.fail_writes(u64::MAX);
    let waiting = Arc::clone(&store);
    let commit = tokio::spawn(async move { waiting.commit(routed(&event(2), None, &["a"])).await });
    eventually("the writer waits for room", async || store.metrics().disk_full).await;
    store.stop().await;
    assert_eq!(store.failed().await, "the disk is full");
    assert!(matches!(commit.await.unwrap(), Err(Refusal::StoreUnavailable { .. })));
}

#[tokio::test]
async fn a_repeat_of_what_is_stored_gets_its_receipt_on_a_full_disk() {
    let (disk, seam) = simulated();
    let reserve = StoreConfig { free_bytes_min: 128 << 20, ..config("") };
    let store = open_on(&seam, &reserve);
    let first = store.commit(routed(&event(1), Some("key"), &["a"])).await.unwrap();
    disk.say_free(64 << 20);
    eventually("the disk is full", async || store.metrics().disk_full).await;
    let again = store.commit(routed(&event(1), Some("key"), &["a"])).await.unwrap();
    assert_eq!(again.event(), first.event());
    let refused = store.commit(routed(&event(2), Some("other"), &["a"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    assert!(refused.retry_after().is_some(), "a sender is told when to come again");
}

#[tokio::test]
async fn on_a_full_disk_events_are_acknowledged_put_back_and_given_up_and_a_start_finds_it_so() {
    let (disk, seam) = simulated();
    let store = open_on(&seam, &config(""));
    let mut stored = 0;
    // Until segments were filled: the ballast is made after the first.
    while store.metrics().segments < 3 {
        commit(&store, stored, &["a"]).await;
        stored += 1;
    }
    disk.leave_room(0);
    while store.commit(routed(&event(stored), None, &["a"])).await.is_ok() {
        stored += 1;
    }
    let leased = receive_all(&store, "a").await;
    assert_eq!(leased.len() as u64, stored);
    for (one, number) in leased.iter().zip(0..) {
        let reason = String::from("no");
        let verb = match number % 3 {
            0 => Verb::Ack,
            1 => Verb::Nack { delay: Some(Duration::ZERO), reason },
            _ => Verb::GiveUp { reason },
        };
        assert_eq!(settle(&store, "a", one, verb).await, Settled::Done, "{number} of {stored}");
    }
    assert!(!store.metrics().poisoned);
    drop(store);
    // The room that the end of the process gave back is all there is.
    let store = open_on(&seam, &config(""));
    let left = |of: u64| (0..stored).filter(|number| number % 3 == of).collect::<Vec<_>>();
    assert_eq!(numbers(&store, "a").await, left(1));
    assert_eq!(numbers(&store, "dead").await, left(2));
}
