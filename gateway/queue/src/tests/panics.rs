//! A thread of the store that panics: the store has failed, as after a failed flush. It never
//! hangs, and never goes on as if nothing had happened.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::QueueFault;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::Store;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

const ASK: Ask = Ask { max: 10, wait: Duration::from_secs(60), lease: Duration::from_secs(30) };

/// Everybody is told the same, and soon.
async fn has_failed(store: &Store, why: &'static str) {
    let patience = Duration::from_secs(20);
    assert_eq!(tokio::time::timeout(patience, store.failed()).await, Ok(why));
    assert!(store.metrics().poisoned);
    let commit = store.commit(routed(&event(900), None, &["a"]));
    let refused = tokio::time::timeout(patience, commit).await.unwrap().unwrap_err();
    assert_eq!(refused, Refusal::StoreUnavailable { what: why });
    let receive = tokio::time::timeout(patience, async { store.receive(&name("b"), ASK).await });
    assert_eq!(receive.await.unwrap().unwrap_err(), QueueFault::StoreUnavailable { what: why });
    tokio::time::timeout(patience, store.stop()).await.unwrap();
}

/// Opens the store again, on a disk that is well, and finds all that was acknowledged.
async fn has_lost_nothing(disk: &SimulatedDisk, acknowledged: u64) {
    for seed in 0..4 {
        let after: Arc<dyn Disk> = Arc::new(disk.after_power_cut(seed));
        let store = open_on(&after, &config(""));
        let found = numbers(&store, "a").await;
        assert_eq!(found, (0..acknowledged).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_owner_of_a_queue_fails_the_store() {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Store::open_manned(Arc::clone(&seam), &config(""), wall_clock()).unwrap();
    // More than an owner reads ahead: it must read an index before all are handed out.
    for number in 0..EVENTS {
        commit(&store, number, &["a"]).await;
    }
    store.stop().await;
    drop(store);
    let store = Arc::new(Store::open_manned(seam, &config(""), wall_clock()).unwrap());
    // Somebody waits at another queue meanwhile.
    let waiting = Arc::clone(&store);
    let waiting = tokio::spawn(async move { waiting.receive(&name("b"), ASK).await });
    disk.panic_at(".index");
    // What it had read before, it may still hand out.
    let mut handed_out = 0;
    let fault = loop {
        match store.receive(&name("a"), Ask { max: 100, ..ASK }).await {
            Ok(events) => handed_out += events.len() as u64,
            Err(fault) => break fault,
        }
        assert!(handed_out < EVENTS, "an index was read");
    };
    assert_eq!(fault, QueueFault::StoreUnavailable { what: "the owner of a queue panicked" });
    has_failed(&store, "the owner of a queue panicked").await;
    drop(store);
    waiting.abort();
    has_lost_nothing(&disk, EVENTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_archivist_fails_the_store() {
    for part in [".checkpoint", ".index"] {
        let disk = SimulatedDisk::new();
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = Store::open_manned(seam, &config(""), wall_clock()).unwrap();
        commit(&store, 0, &["a"]).await;
        disk.panic_at(part);
        let mut acknowledged = 1;
        while acknowledged < 100_000
            && store.commit(routed(&event(acknowledged), None, &["a"])).await.is_ok()
        {
            acknowledged += 1;
        }
        has_failed(&store, "the archivist panicked").await;
        drop(store);
        has_lost_nothing(&disk, acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_where_segments_are_made_fails_the_store_too() {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Store::open_manned(seam, &config(""), wall_clock()).unwrap();
    commit(&store, 0, &["a"]).await;
    disk.panic_at(".log");
    let mut acknowledged = 1;
    while acknowledged < 100_000
        && store.commit(routed(&event(acknowledged), None, &["a"])).await.is_ok()
    {
        acknowledged += 1;
    }
    has_failed(&store, "the writer panicked").await;
    drop(store);
    has_lost_nothing(&disk, acknowledged).await;
}

/// More than the front of a queue holds in memory (4,096).
const EVENTS: u64 = 5_000;
