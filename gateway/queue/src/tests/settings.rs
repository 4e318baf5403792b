//! What operators set outlives restarts, power cuts and damage; where it cannot, nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::Delivery;
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::{Hold, QueueConfig, QueueOrigin, Store, StoreConfig};

fn seam(disk: &SimulatedDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn hold_of(store: &Store, queue: &str) -> Hold {
    let mut all = store.queues().into_iter();
    all.find(|info| info.config.name.as_str() == queue).unwrap().config.retain.hold
}

/// Fills some segments with events of a queue, and settles them all.
async fn fill_and_settle(store: &Store, queue: &str) {
    for number in 0..150 {
        commit(store, number, &[queue]).await;
    }
    for one in receive(store, queue, 1000).await {
        ack(store, queue, &one).await;
    }
}

#[tokio::test]
async fn nothing_of_a_held_queue_is_deleted_until_the_hold_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    store.set_hold(&name("a"), Hold::Held).await.unwrap();
    fill_and_settle(&store, "a").await;
    let held = store.metrics().segments;
    assert!(held > 3);
    let checkpointed = async || store.metrics().checkpoints > 1;
    eventually("checkpoints would allow to delete", checkpointed).await;
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!(hold_of(&store, "a"), Hold::Held);
    fill_and_settle(&store, "b").await;
    let lately = async || store.metrics().checkpoints > 2;
    eventually("checkpoints would allow to delete", lately).await;
    assert!(store.metrics().segments > held);
    store.set_hold(&name("a"), Hold::None).await.unwrap();
    let deleted = async || store.metrics().segments < 4;
    eventually("what was held is deleted", deleted).await;
}

#[tokio::test]
async fn settings_that_are_damaged_once_are_read_from_their_copy() {
    let whole = set_up().await;
    for (file, damaged) in [("settings", 1), ("settings.copy", 1)] {
        for byte in 0..whole.bytes_of(file).len() {
            let disk = whole.after_power_cut(0);
            disk.flip(file, byte, (byte % 8) as u8);
            let store = open_on(&seam(&disk), &config(""));
            assert_eq!(store.metrics().quarantined, damaged, "{file}, byte {byte}");
            assert_eq!(store.queues().len(), 4, "{file}, byte {byte}");
            assert_eq!(hold_of(&store, "a"), Hold::Held, "{file}, byte {byte}");
            assert_eq!(hold_of(&store, "b"), Hold::None, "{file}, byte {byte}");
            drop(store);
            let store = open_on(&seam(&disk), &config(""));
            assert_eq!(store.metrics().quarantined, 0, "{file} is made again");
        }
    }
}

#[tokio::test]
async fn where_no_settings_can_be_read_every_queue_is_held() {
    let disk = set_up().await;
    for file in ["settings", "settings.copy"] {
        disk.flip(file, 15, 3);
    }
    let store = open_on(&seam(&disk), &config(""));
    assert_eq!(store.metrics().quarantined, 2);
    let all = store.queues();
    assert!(all.iter().all(|info| info.config.retain.hold == Hold::Held), "{all:?}");
    let made = all.iter().find(|info| info.config.name == name("made")).unwrap();
    assert_eq!(made.origin, QueueOrigin::Found);
    assert_eq!(numbers(&store, "made").await, [7], "its events are kept");
    store.set_hold(&name("b"), Hold::None).await.unwrap();
    drop(store);
    let store = open_on(&seam(&disk), &config(""));
    assert_eq!((hold_of(&store, "a"), hold_of(&store, "b")), (Hold::Held, Hold::None));
    assert_eq!(disk.list("quarantine").unwrap().len(), 2);
}

/// A folder with a made queue and a held one.
async fn set_up() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = open_on(&seam(&disk), &config(""));
    store.define(QueueConfig::new(name("made"), name("dead"))).await.unwrap();
    store.set_hold(&name("a"), Hold::Held).await.unwrap();
    commit(&store, 7, &["made"]).await;
    store.stop().await;
    disk
}

/// What operators were told, and what they asked for last.
#[derive(Default)]
struct Told {
    /// By queue: whether it is there; `None` while no answer came.
    queues: BTreeMap<&'static str, Option<bool>>,
    paused: Option<bool>,
    held: Option<bool>,
    committed: Vec<u64>,
}

/// Makes, changes and removes queues until all is done or the store refuses.
async fn work(store: &Store, told: &mut Told) -> Option<()> {
    for (number, queue) in (0..).zip(["x", "y", "z"]) {
        told.queues.insert(queue, None);
        store.define(QueueConfig::new(name(queue), name("dead"))).await.ok()?;
        told.queues.insert(queue, Some(true));
        store.commit(routed(&event(number), None, &[queue, "a"])).await.ok()?;
        told.committed.push(number);
        told.held = None;
        let hold = if number == 1 { Hold::None } else { Hold::Held };
        store.set_hold(&name("a"), hold).await.ok()?;
        told.held = Some(hold == Hold::Held);
        told.paused = None;
        let paused = if number == 1 { Delivery::Running } else { Delivery::Paused };
        store.set_delivery(&name("b"), paused).await.ok()?;
        told.paused = Some(paused == Delivery::Paused);
    }
    // From here on it may be gone.
    told.committed.retain(|number| *number != 1);
    store.purge(&name("y")).await.ok()?;
    told.queues.insert("y", None);
    store.remove(&name("y")).await.ok()?;
    told.queues.insert("y", Some(false));
    Some(())
}

/// What lies in a queue, looked at and not leased.
async fn lying(store: &Store, queue: &str) -> Vec<u64> {
    let all = store.browse(&name(queue), None, 100).await.unwrap();
    all.iter().map(|one| number_of(one.event.as_ref().unwrap())).collect()
}

async fn check(store: &Store, told: &Told, what: &str) {
    let all = store.queues();
    let info = |queue: &str| all.iter().find(|info| info.config.name == name(queue));
    for (queue, is_there) in &told.queues {
        if let Some(is_there) = is_there {
            assert_eq!(info(queue).is_some(), *is_there, "{what}: {queue}: {all:?}");
        }
    }
    let found = |info: &&crate::QueueInfo| info.origin == QueueOrigin::Found;
    assert_eq!(all.iter().find(found), None, "{what}: half of a queue");
    if let Some(held) = told.held {
        assert_eq!(hold_of(store, "a") == Hold::Held, held, "{what}");
    }
    if let Some(paused) = told.paused {
        let delivery = info("b").unwrap().config.delivery;
        assert_eq!(delivery == Delivery::Paused, paused, "{what}");
    }
    let a = lying(store, "a").await;
    for (number, queue) in (0..).zip(["x", "y", "z"]) {
        let here = if info(queue).is_some() { lying(store, queue).await } else { Vec::new() };
        if told.committed.contains(&number) {
            assert_eq!(here, [number], "{what}: {queue}");
            assert!(a.contains(&number), "{what}");
        } else {
            assert!(here.is_empty() || here == [number] && a.contains(&number), "{what}: {here:?}");
        }
    }
}

#[tokio::test]
async fn a_power_cut_at_any_step_leaves_queues_as_operators_were_told() {
    let small = StoreConfig { segment_bytes: 4 * 1024, ..config("") };
    let open = |disk: &SimulatedDisk| Store::open_on(seam(disk), &small, wall_clock());
    let disk = SimulatedDisk::new();
    let store = open(&disk).unwrap();
    assert!(work(&store, &mut Told::default()).await.is_some());
    store.stop().await;
    let steps = disk.steps();
    assert!(steps > 100, "{steps} steps");
    for step in 1..=steps {
        let disk = SimulatedDisk::new();
        disk.die_at(step);
        let mut told = Told::default();
        if let Ok(store) = open(&disk) {
            // The power goes off in the middle of it, or nearly at its end.
            let _ = work(&store, &mut told).await;
        }
        for seed in [step, step + 1000] {
            let after = disk.after_power_cut(seed);
            let what = format!("power cut at step {step}, seed {seed}");
            let store = open(&after).unwrap();
            check(&store, &told, &what).await;
            // Whatever was half done can be done.
            store.define(QueueConfig::new(name("y"), name("dead"))).await.unwrap();
            store.purge(&name("y")).await.unwrap();
            commit(&store, 77, &["y"]).await;
            drop(store);
            assert_eq!(numbers(&open(&after).unwrap(), "y").await, [77], "{what}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_a_definition_and_it_can_be_done_later() {
    let disk = SimulatedDisk::new();
    let store = open_on(&seam(&disk), &config(""));
    disk.leave_room(10);
    let new = QueueConfig::new(name("new"), name("dead"));
    let fault = store.define(new.clone()).await.unwrap_err();
    assert_eq!(fault.code(), "store_unavailable");
    assert_eq!(store.queues().len(), 3);
    disk.leave_room(u64::MAX);
    store.define(new).await.unwrap();
    commit(&store, 1, &["new"]).await;
    let wait = Duration::ZERO;
    assert_eq!(receive_for(&store, "new", 1, wait, Duration::from_secs(1)).await.len(), 1);
}
