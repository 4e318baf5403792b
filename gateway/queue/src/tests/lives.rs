//! What outlives the process: the folder, its lock, its segments and its keys.

use std::time::Duration;

use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::QueueFault;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::{OpenFault, Store};

#[tokio::test]
async fn a_stopped_store_has_everything_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    for number in 0..100 {
        commit(&store, number, &["a", "b"]).await;
    }
    let got = receive(&store, "a", 40).await;
    for one in &got[..20] {
        ack(&store, "a", one).await;
    }
    store.stop().await;
    assert_eq!(store.commit(routed(&event(1), None, &["a"])).await, Err(Refusal::Stopping));
    let fault = store.receive(&name("a"), ASK).await.unwrap_err();
    assert_eq!(fault, QueueFault::Stopping);
    drop(store);

    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let again = receive_all(&store, "a").await;
    let attempts: Vec<u32> = again.iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [[2; 20].as_slice(), &[1; 60]].concat());
    let found: Vec<u64> = again.iter().map(|one| number_of(&one.event)).collect();
    assert_eq!(found, (20..100).collect::<Vec<_>>());
    assert_eq!(numbers(&store, "b").await.len(), 100);
    assert_eq!(store.metrics().quarantined, 0);
}

const ASK: Ask = Ask { max: 10, wait: Duration::ZERO, lease: Duration::from_secs(30) };

#[tokio::test]
async fn a_second_process_is_told_that_the_folder_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let second = Store::open(config(folder.path()), wall_clock()).unwrap_err();
    assert!(matches!(second, OpenFault::InUse), "{second}");
    drop(store);
    assert!(Store::open(config(folder.path()), wall_clock()).is_ok());
}

#[tokio::test]
async fn a_folder_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("format"), "sluicegate-data\nversion 9\nkey 00\n").unwrap();
    let fault = Store::open(config(folder.path()), wall_clock()).unwrap_err();
    assert_eq!(fault.code(), "data_folder_version");
    assert!(fault.to_string().contains("version 9"), "{fault}");
}

#[tokio::test]
async fn segments_go_when_settled_and_keys_outlive_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let first = event(0);
    store.commit(routed(&first, Some("first"), &["a"])).await.unwrap();
    for number in 1..200 {
        commit(&store, number, &["a"]).await;
    }
    assert!(store.metrics().segments > 3);
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    eventually("all settled segments are deleted", async || store.metrics().segments == 1).await;
    let again = store.commit(routed(&event(9), Some("first"), &["a"])).await.unwrap();
    assert_eq!((again.repeat(), again.event()), (Repeat::Duplicate, first.id));
    drop(store);
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let again = store.commit(routed(&event(9), Some("first"), &["a"])).await.unwrap();
    assert_eq!((again.repeat(), again.event()), (Repeat::Duplicate, first.id));
    assert_eq!(stats(&store, "a").await.depth, 0);
}

#[tokio::test]
async fn a_queue_that_is_no_longer_configured_keeps_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    commit(&store, 1, &["b"]).await;
    drop(store);
    config.queues.remove(1);
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    assert_eq!(numbers(&store, "b").await, [1]);
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_receipt_again_even_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    let events: Vec<_> = (0..8).map(event).collect();
    let store = std::sync::Arc::new(store);
    let mut first = Vec::new();
    let mut ids = Vec::new();
    let commit = |event: sluicegate_core::event::Event| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move { store.commit(routed(&event, Some("k"), &["a"])).await })
    };
    for receipt in events.into_iter().map(commit).collect::<Vec<_>>() {
        let receipt = receipt.await.unwrap().unwrap();
        ids.push(receipt.event());
        first.extend((receipt.repeat() == Repeat::First).then_some(receipt.event()));
    }
    assert_eq!(first.len(), 1);
    assert!(ids.iter().all(|id| *id == first[0]));
    assert_eq!(stats(&store, "a").await.depth, 1);
    let one = receive(&store, "a", 10).await.remove(0);
    ack(&store, "a", &one).await;
    drop(store);
    // After a restart, with the event long settled: the key is remembered, within its window.
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    let receipt = store.commit(routed(&event(99), Some("k"), &["a"])).await.unwrap();
    assert_eq!((receipt.repeat(), receipt.event()), (Repeat::Duplicate, first[0]));
    drop(store);
    config.dedupe_window = Duration::ZERO;
    let store = Store::open(config, wall_clock()).unwrap();
    let receipt = store.commit(routed(&event(99), Some("k"), &["a"])).await.unwrap();
    assert_eq!(receipt.repeat(), Repeat::First);
}

#[tokio::test]
async fn full_segments_are_shown_with_the_bytes_that_they_have_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    for number in 0..100 {
        commit(&store, number, &["a"]).await;
    }
    let on_disk = |count: u64| -> u64 {
        let len = |number: u64| {
            let name = format!("log/{number:010}.log");
            std::fs::metadata(folder.path().join(name)).unwrap().len()
        };
        (1..=count).map(len).sum()
    };
    let metrics = store.metrics();
    assert!(metrics.segments > 2);
    let shown = async || on_disk(metrics.segments) == metrics.disk_bytes;
    eventually("the segments are cut to their ends", shown).await;
}
