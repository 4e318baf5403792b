//! Events that stay when all around them is settled must not keep whole segments.

use sluicegate_core::queue::Verb;
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::{Store, StoreConfig};

/// Segments of 64 KiB: about 150 events each.
fn small(folder: &std::path::Path) -> StoreConfig {
    StoreConfig { segment_bytes: 64 * 1024, ..config(folder) }
}

/// Commits events until there are many segments; gives up every hundredth, acks the rest.
async fn fill(store: &Store) -> Vec<u64> {
    let mut dead = Vec::new();
    for number in 0..1500 {
        commit(store, number, &["a"]).await;
    }
    for one in receive_all(store, "a").await {
        let number = number_of(&one.event);
        if number.is_multiple_of(100) {
            dead.push(number);
            settle(store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
        } else {
            ack(store, "a", &one).await;
        }
    }
    dead
}

#[tokio::test]
async fn dead_letters_keep_their_own_bytes_and_not_their_segments() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    let dead = fill(&store).await;
    let written = store.metrics().bytes;
    eventually("what is settled is given back", async || {
        store.metrics().thinned_bytes > written / 2
    })
    .await;
    assert_eq!(numbers(&store, "dead").await, dead);
    store.stop().await;
    drop(store);
    // Without indexes too: between what is left there are only zeros, which is no damage.
    for file in std::fs::read_dir(folder.path().join("log")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "index") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    assert_eq!(numbers(&store, "dead").await, dead);
    assert_eq!(store.metrics().quarantined, 0);
    assert_eq!(stats(&store, "a").await.dead, dead.len() as u64);
}

#[tokio::test]
async fn one_straggler_does_not_keep_the_segments_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    commit(&store, 0, &["b"]).await;
    for number in 1..1500 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    eventually("settled segments are deleted", async || store.metrics().segments <= 3).await;
    drop(store);
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    assert_eq!(numbers(&store, "b").await, [0]);
    assert!(numbers(&store, "a").await.is_empty(), "what was acked does not come back");
}

#[tokio::test]
async fn redriven_events_outlive_the_segment_of_their_redrive() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    for number in 0..20 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive_all(&store, "a").await {
        settle(&store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
    }
    // The moves lie in a segment of their own, with events that are settled.
    for number in 100..700 {
        commit(&store, number, &["b"]).await;
        if number == 400 {
            assert_eq!(store.redrive(&name("dead"), 100).await.unwrap().moved, 20);
        }
    }
    for one in receive_all(&store, "b").await {
        ack(&store, "b", &one).await;
    }
    let before = store.metrics().segments;
    eventually("what is settled goes", async || store.metrics().segments < before).await;
    let checkpoints = store.metrics().checkpoints;
    eventually("checkpoints go on", async || {
        commit(&store, 1000, &["b"]).await;
        for one in receive_all(&store, "b").await {
            ack(&store, "b", &one).await;
        }
        store.metrics().checkpoints > checkpoints || store.metrics().segments <= 3
    })
    .await;
    drop(store);
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    assert_eq!(numbers(&store, "a").await, (0..20).collect::<Vec<_>>());
    assert_eq!(stats(&store, "a").await.lost, 0);
}
