//! Bounds of queues and sources, and what is counted of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicegate_core::limits::ENTRY_BYTES_MAX;
use sluicegate_core::metrics::HistogramSnapshot;
use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::{QueueFault, Settled, Verb};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::time::{Clock, Timestamp};

use super::world::*;
use crate::{SourceConfig, Store, StoreConfig, WhenFull};

/// A clock that stands until it is moved.
fn standing_clock() -> (Arc<AtomicU64>, Clock) {
    let ns = Arc::new(AtomicU64::new(wall_clock().now().unix_ns()));
    let now = Arc::clone(&ns);
    (ns, Clock::new(move || Timestamp::from_unix_ns(now.load(Ordering::Relaxed))))
}

async fn try_commit(store: &Store, number: u64, queues: &[&str]) -> Result<(), Refusal> {
    store.commit(routed(&event(number), None, queues)).await.map(drop)
}

#[tokio::test]
async fn a_queue_takes_so_many_events_a_second_and_says_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.queues[1].rate_max = Some(4);
    let (ns, clock) = standing_clock();
    let store = Store::open(config, clock).unwrap();
    let first = event(0);
    store.commit(routed(&first, Some("k"), &["a", "b"])).await.unwrap();
    for number in 1..4 {
        try_commit(&store, number, &["a", "b"]).await.unwrap();
    }
    let refused = try_commit(&store, 4, &["a", "b"]).await.unwrap_err();
    let retry_after = Duration::from_millis(250);
    assert_eq!(refused, Refusal::QueueOverRate { queue: "b".into(), retry_after });
    assert_eq!(stats(&store, "a").await.depth, 4, "the whole commit is refused");
    let again = store.commit(routed(&event(9), Some("k"), &["b"])).await.unwrap();
    assert_eq!((again.repeat(), again.event()), (Repeat::Duplicate, first.id), "it is stored");
    ns.fetch_add(retry_after.as_nanos() as u64 - 1, Ordering::Relaxed);
    try_commit(&store, 5, &["b"]).await.unwrap_err();
    ns.fetch_add(1, Ordering::Relaxed);
    try_commit(&store, 6, &["b"]).await.unwrap();
    try_commit(&store, 7, &["b"]).await.unwrap_err();
}

#[tokio::test]
async fn a_refusal_of_another_queue_costs_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.queues[0].rate_max = Some(1);
    config.queues[1].events_max = Some(0);
    let (_, clock) = standing_clock();
    let store = Store::open(config, clock).unwrap();
    for number in 0..3 {
        let refused = try_commit(&store, number, &["a", "b"]).await.unwrap_err();
        assert!(matches!(refused, Refusal::QueueFull { .. }), "{refused}");
    }
    try_commit(&store, 3, &["a"]).await.unwrap();
    let refused = try_commit(&store, 4, &["a"]).await.unwrap_err();
    assert!(matches!(refused, Refusal::QueueOverRate { .. }), "{refused}");
}

#[tokio::test]
async fn a_source_has_its_share_in_all_queues_together_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let source = "github".parse().unwrap();
    let bounds = SourceConfig { name: source, events_max: Some(4), bytes_max: None };
    let config = StoreConfig { sources: vec![bounds], ..config(folder.path()) };
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    commit(&store, 1, &["a", "b"]).await;
    commit(&store, 2, &["a"]).await;
    let refused = try_commit(&store, 3, &["a", "b"]).await.unwrap_err();
    assert!(matches!(&refused, Refusal::SourceFull { source_name, .. } if source_name == "github"));
    commit(&store, 4, &["b"]).await;
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    try_commit(&store, 5, &["a"]).await.unwrap_err();
    let one = receive(&store, "a", 1).await.remove(0);
    settle(&store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
    try_commit(&store, 6, &["a"]).await.unwrap_err();
    let one = receive(&store, "b", 1).await.remove(0);
    ack(&store, "b", &one).await;
    commit(&store, 7, &["a"]).await;
}

#[tokio::test]
async fn a_queue_that_drops_its_oldest_never_refuses_and_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    (config.queues[0].events_max, config.queues[0].when_full) = (Some(5), WhenFull::DropOldest);
    let bounds =
        SourceConfig { name: "github".parse().unwrap(), events_max: Some(50), bytes_max: None };
    config.sources = vec![bounds];
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    // Twice its share: what was dropped counts no more.
    for number in 0..100 {
        let taken = async || try_commit(&store, number, &["a"]).await.is_ok();
        eventually("the source has room again", taken).await;
    }
    let dropped = async || stats(&store, "a").await.depth == 5;
    eventually("the oldest are dropped", dropped).await;
    assert_eq!(stats(&store, "a").await.overflowed, 95);
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!(numbers(&store, "a").await, [95, 96, 97, 98, 99]);
}

#[tokio::test]
async fn an_entry_over_the_limit_is_refused_and_takes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let mut huge = event(1);
    huge.parts_mut().payload = vec![7; ENTRY_BYTES_MAX].into();
    let refused = store.commit(routed(&huge, None, &["a"])).await.unwrap_err();
    assert_eq!(refused, Refusal::TooLarge { limit_bytes: ENTRY_BYTES_MAX });
    assert_eq!(store.remove(&name("a")).await, Ok(()), "nothing is reserved");
}

#[tokio::test]
async fn absurd_durations_and_counts_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 1, &["a"]).await;
    let ask = Ask { max: usize::MAX, wait: Duration::MAX, lease: Duration::MAX };
    let one = store.receive(&name("a"), ask).await.unwrap().remove(0);
    let extend = Verb::Extend { lease: Duration::MAX };
    assert_eq!(settle(&store, "a", &one, extend).await, Settled::Done);
    let nack = Verb::Nack { delay: Some(Duration::MAX), reason: "no".repeat(10_000) };
    assert_eq!(settle(&store, "a", &one, nack).await, Settled::Done);
    assert_eq!(stats(&store, "a").await.delayed, 1);
    let none = Ask { max: 0, wait: Duration::ZERO, lease: Duration::ZERO };
    assert!(store.receive(&name("a"), none).await.unwrap().is_empty());
    let fault = store.receive(&name("none"), none).await.unwrap_err();
    assert_eq!((fault.code(), fault), ("queue_not_found", QueueFault::NoQueue));
}

#[tokio::test]
async fn keys_are_counted_and_so_are_those_that_went_before_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig { dedupe_keys_max: 3, ..config(folder.path()) };
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    for number in 0..5 {
        let key = format!("key-{number}");
        store.commit(routed(&event(number), Some(&key), &["a"])).await.unwrap();
    }
    let metrics = store.metrics();
    assert_eq!((metrics.dedupe_keys, metrics.dedupe_keys_evicted), (3, 2));
    assert!(metrics.commit_bytes > 0 && metrics.commit_bytes <= metrics.bytes);
    drop(store);
    assert_eq!(Store::open(config, wall_clock()).unwrap().metrics().dedupe_keys, 3);
}

#[tokio::test]
async fn a_queue_counts_how_long_delivery_took_and_how_large_its_events_are() {
    let folder = tempfile::tempdir().unwrap();
    let (ns, clock) = standing_clock();
    let store = Store::open(config(folder.path()), clock.clone()).unwrap();
    let mut events = [event(1), event(2)];
    events.iter_mut().for_each(|event| event.parts_mut().received_at = clock.now());
    for event in &events {
        store.commit(routed(event, None, &["a"])).await.unwrap();
    }
    let got = receive(&store, "a", 2).await;
    ns.fetch_add(1_500_000_000, Ordering::Relaxed);
    ack(&store, "a", &got[0]).await;
    settle(&store, "a", &got[1], Verb::GiveUp { reason: "never".into() }).await;
    let (_, metrics) =
        store.queue_metrics().into_iter().find(|(queue, _)| queue.as_str() == "a").unwrap();
    let count = |histogram: &HistogramSnapshot| histogram.buckets.iter().sum::<u64>();
    assert_eq!((count(&metrics.latency_ms), metrics.latency_ms.sum), (1, 1500));
    let weights: usize = events.iter().map(|event| event.weight()).sum();
    let arrivals = &metrics.arrival_bytes;
    assert_eq!((count(arrivals), arrivals.sum), (2, weights as u64));
}
