//! What these tests share: a small folder in which a little of everything has happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::queue::{Delivery, Verb};
use sluicegate_core::seams::Engine;

use crate::disk::simulated::SimulatedDisk;
use crate::disk::{Disk, Overlay};
use crate::forensics::{Options, Report, Stopped, verify_stopped};
use crate::tests::world::*;
use crate::{Encryption, Hold, QueueConfig, Store, StoreConfig};

/// Segments as small as they can be.
pub(super) fn small() -> StoreConfig {
    StoreConfig { segment_bytes: 4096, ..config("") }
}

/// An event with a small payload that says its number.
pub(super) fn little(number: u64) -> Event {
    let event = event(number);
    let parts: &Parts = &event;
    Event::new(Parts { payload: Bytes::from(format!("n={number}")), ..parts.clone() })
}

pub(super) fn little_number(event: &Event) -> u64 {
    let number: u64 = event.headers.first("x-number").unwrap().parse().unwrap();
    assert_eq!(event.payload, format!("n={number}").as_bytes());
    number
}

pub(super) async fn put(store: &Store, number: u64, queues: &[&str]) {
    let key = format!("key-{number}");
    store.commit(routed(&little(number), Some(&key), queues)).await.unwrap();
}

/// Events acked, failed, dead-lettered, redriven, waiting; a queue that was made, a pause, a hold;
/// several segments, indexes, two checkpoints; cleanly stopped.
pub(super) async fn folder(config: &StoreConfig) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    fill(&disk, config).await;
    disk
}

/// The same, after a past of which only idempotency keys are left.
pub(super) async fn old_folder(config: &StoreConfig) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, config);
    let mut number = 100;
    eventually("a segment goes, and its keys stay", async || {
        put(&store, number, &["b"]).await;
        number += 1;
        for one in receive_all(&store, "b").await {
            ack(&store, "b", &one).await;
        }
        !disk.list("keys").unwrap().is_empty()
    })
    .await;
    store.stop().await;
    drop(store);
    fill(&disk, config).await;
    disk
}

async fn fill(disk: &SimulatedDisk, config: &StoreConfig) {
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, config);
    store.define(QueueConfig::new(name("made"), name("dead"))).await.unwrap();
    for number in 0..8 {
        put(&store, number, &["a", if number % 2 == 0 { "b" } else { "made" }]).await;
    }
    let got = receive(&store, "a", 6).await;
    ack(&store, "a", &got[0]).await;
    ack(&store, "a", &got[3]).await;
    settle(&store, "a", &got[1], Verb::GiveUp { reason: "no".into() }).await;
    settle(&store, "a", &got[2], Verb::GiveUp { reason: "no".into() }).await;
    let later = Verb::Nack { delay: Some(Duration::from_millis(1)), reason: "not now".into() };
    settle(&store, "a", &got[4], later).await;
    store.redrive(&name("a"), 1).await.unwrap();
    store.set_delivery(&name("b"), Delivery::Paused).await.unwrap();
    store.set_hold(&name("made"), Hold::Held).await.unwrap();
    store.stop().await;
    drop(store);
    let store = open_on(&seam, config);
    store.set_delivery(&name("b"), Delivery::Running).await.unwrap();
    for number in 8..14 {
        put(&store, number, &["b"]).await;
    }
    for one in receive(&store, "b", 2).await {
        ack(&store, "b", &one).await;
    }
    store.stop().await;
}

pub(super) const QUEUES: [&str; 4] = ["a", "b", "made", "dead"];

/// What is served, by queue and number, with nothing settled.
pub(super) async fn served(store: &Store) -> BTreeSet<(&'static str, u64)> {
    let mut all = BTreeSet::new();
    for queue in QUEUES {
        let ready = async || stats(store, queue).await.delayed == 0;
        eventually("nothing waits for a next attempt", ready).await;
        for one in receive_all(store, queue).await {
            assert!(all.insert((queue, little_number(&one.event))), "{queue}: served twice");
        }
    }
    all
}

pub(super) fn options(encryption: Option<Encryption>) -> Options {
    Options { encryption, clock: wall_clock() }
}

/// A look at a disk: nothing on it is changed.
pub(super) fn look(disk: &SimulatedDisk) -> Stopped {
    look_with(disk, None)
}

fn look_with(disk: &SimulatedDisk, encryption: Option<Encryption>) -> Stopped {
    let overlay = Overlay::new(Arc::new(disk.clone()));
    Stopped::on(Arc::new(overlay), &options(encryption), None).unwrap()
}

pub(super) fn verified(disk: &SimulatedDisk) -> Report {
    verified_with(disk, None)
}

pub(super) fn verified_with(disk: &SimulatedDisk, encryption: Option<Encryption>) -> Report {
    let (steps, mut last) = (disk.steps(), None);
    let report = verify_stopped(&look_with(disk, encryption), &mut |progress| {
        assert!(last.is_none_or(|last| last <= progress.bytes_done));
        last = Some(progress.bytes_done);
    });
    assert_eq!(disk.steps(), steps, "nothing is changed");
    let report = report.unwrap();
    assert_eq!(last, Some(report.bytes));
    report
}

/// All files of a folder with their bytes.
pub(super) fn files(disk: &SimulatedDisk) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    for folder in ["", "log", "keys", "checkpoints"] {
        for file in disk.list(folder).unwrap() {
            let name = if folder.is_empty() { file } else { format!("{folder}/{file}") };
            all.push((name.clone(), disk.bytes_of(&name).len()));
        }
    }
    all.sort();
    all
}
