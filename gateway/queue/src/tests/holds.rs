//! Legal holds: nothing of a held queue goes, however it came there, and whatever was under way.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::{QueueFault, Verb};

use super::gate::{GatedDisk, What};
use super::world::*;
use crate::disk::Disk;
use crate::{Cursor, Hold, Retain, Store, StoreConfig};

fn seam(disk: &GatedDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// Commits and settles events of another queue until so many checkpoints were made: whatever may
/// be deleted is deleted.
async fn churn(store: &Store, checkpoints: u64) {
    let wanted = store.metrics().checkpoints + checkpoints;
    eventually("checkpoints", async || {
        for number in 5000..5040 {
            commit(store, number, &["b"]).await;
        }
        for one in receive_all(store, "b").await {
            ack(store, "b", &one).await;
        }
        store.metrics().checkpoints >= wanted
    })
    .await;
}

/// Event 7 is given up by `a`, and settled in its dead-letter queue. Returns where it lies.
async fn move_and_settle(store: &Store) -> Cursor {
    for number in 0..120 {
        commit(store, number, &["a"]).await;
    }
    let past = store.past(Cursor::START, 1 << 20).await.unwrap().events;
    let cursor = past.iter().find(|one| number_of(&one.event) == 7).unwrap().cursor;
    // The move lies in a segment of its own.
    churn(store, 2).await;
    for one in receive_all(store, "a").await {
        if number_of(&one.event) == 7 {
            settle(store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
        } else {
            ack(store, "a", &one).await;
        }
    }
    for one in receive_all(store, "dead").await {
        assert_eq!(number_of(&one.event), 7);
        ack(store, "dead", &one).await;
    }
    cursor
}

async fn is_there(store: &Store, cursor: Cursor) -> bool {
    let found = store.past(cursor, 1).await.unwrap().events;
    found.iter().any(|one| one.cursor == cursor && number_of(&one.event) == 7)
}

#[tokio::test]
async fn an_event_that_was_moved_into_a_held_queue_can_be_replayed_until_the_hold_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    store.set_hold(&name("dead"), Hold::Held).await.unwrap();
    let cursor = move_and_settle(&store).await;
    churn(&store, 3).await;
    assert!(is_there(&store, cursor).await, "while the store runs");
    drop(store);
    // From the checkpoint, and from the index of the segment.
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    churn(&store, 3).await;
    assert!(is_there(&store, cursor).await, "after a restart");
    store.place_again(&[(cursor, name("a"))]).await.unwrap();
    assert_eq!(numbers(&store, "a").await, [7]);
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    store.purge(&name("a")).await.unwrap();
    store.set_hold(&name("dead"), Hold::None).await.unwrap();
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    eventually("what was held goes", async || {
        churn(&store, 1).await;
        !is_there(&store, cursor).await
    })
    .await;
}

#[tokio::test]
async fn a_queue_retains_for_its_time_what_was_moved_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut config: StoreConfig = config(folder.path());
    let dead = config.queues.iter_mut().find(|queue| queue.name == name("dead")).unwrap();
    dead.retain = Retain { time: Some(Duration::from_secs(3600)), ..Retain::default() };
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    let cursor = move_and_settle(&store).await;
    churn(&store, 3).await;
    assert!(is_there(&store, cursor).await, "while the store runs");
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    churn(&store, 3).await;
    assert!(is_there(&store, cursor).await, "after a restart");
}

#[tokio::test]
async fn a_held_queue_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    store.define(crate::QueueConfig::new(name("new"), name("dead"))).await.unwrap();
    store.set_hold(&name("new"), Hold::Held).await.unwrap();
    let refused = store.remove(&name("new")).await;
    assert_eq!(refused, Err(QueueFault::Held));
    assert_eq!(QueueFault::Held.code(), "queue_held");
    store.set_hold(&name("new"), Hold::None).await.unwrap();
    assert_eq!(store.remove(&name("new")).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_hold_is_set_nothing_goes_that_was_to_be_deleted_before() {
    let disk = GatedDisk::new();
    let store = Arc::new(open_on(&seam(&disk), &config("")));
    for number in 0..60 {
        commit(&store, number, &["a"]).await;
    }
    let leased = receive_all(&store, "a").await;
    churn(&store, 3).await;
    disk.shut(What::Removal);
    for one in &leased {
        ack(&store, "a", one).await;
    }
    let other = Arc::clone(&store);
    let committing = tokio::spawn(async move {
        for number in 6000..6200 {
            commit(&other, number, &["b"]).await;
        }
    });
    eventually("a deletion is under way", async || disk.is_waited_for()).await;
    let other = Arc::clone(&store);
    let holding = tokio::spawn(async move { other.set_hold(&name("a"), Hold::Held).await });
    let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
    while !holding.is_finished() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Either it has answered, and then nothing may go; or it waits for what is under way.
    let answered = holding.is_finished().then(|| disk.has_first());
    disk.open();
    holding.await.unwrap().unwrap();
    let was_there = answered.unwrap_or_else(|| disk.has_first());
    committing.await.unwrap();
    churn(&store, 3).await;
    assert_eq!(disk.has_first(), was_there, "it went after the answer");
}
