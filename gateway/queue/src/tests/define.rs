//! Queues that are made, changed and removed while the store runs.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::{Delivery, QueueFault, Verb};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::seams::Engine;

use super::gate::{GatedDisk, What};
use super::world::*;
use crate::disk::Disk;
use crate::{Defined, QueueConfig, QueueInfo, QueueOrigin, Store, StoreConfig};

fn made(text: &str) -> QueueConfig {
    QueueConfig::new(name(text), name("dead"))
}

fn info(store: &Store, queue: &str) -> Option<QueueInfo> {
    store.queues().into_iter().find(|info| info.config.name.as_str() == queue)
}

/// A store, and what is needed to open it again.
struct Lives {
    _folder: tempfile::TempDir,
    config: StoreConfig,
}

impl Lives {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { config: config(folder.path()), _folder: folder }
    }

    fn open(&self) -> Store {
        Store::open(self.config.clone(), wall_clock()).unwrap()
    }
}

#[tokio::test]
async fn a_queue_that_was_made_is_there_after_a_restart_with_its_events() {
    let lives = Lives::new();
    let store = lives.open();
    let refused = store.commit(routed(&event(1), None, &["new"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    assert_eq!(store.define(made("new")).await, Ok(Defined::Created));
    for number in 1..=3 {
        commit(&store, number, &["new", "a"]).await;
    }
    assert_eq!(info(&store, "new").unwrap().origin, QueueOrigin::Made);
    drop(store);
    let store = lives.open();
    assert_eq!(info(&store, "new").unwrap().config, made("new"));
    assert_eq!(numbers(&store, "new").await, [1, 2, 3]);
    assert_eq!(store.queues().len(), 4);
}

#[tokio::test]
async fn a_changed_queue_treats_its_events_anew_and_the_configuration_wins_at_the_next_start() {
    let lives = Lives::new();
    let store = lives.open();
    commit(&store, 1, &["a"]).await;
    let retry = RetryPolicy { attempts_max: 1, ..RetryPolicy::DEFAULT };
    let once = QueueConfig { retry, ..made("a") };
    assert_eq!(store.define(once.clone()).await, Ok(Defined::Changed));
    assert_eq!(info(&store, "a").unwrap().config, once);
    let one = receive(&store, "a", 1).await.remove(0);
    settle(&store, "a", &one, Verb::Nack { delay: None, reason: "no".into() }).await;
    let moved = async || stats(&store, "dead").await.depth == 1;
    eventually("one attempt is all it has", moved).await;
    drop(store);
    let store = lives.open();
    let again = info(&store, "a").unwrap();
    assert_eq!((again.origin, &again.config), (QueueOrigin::Configured, &lives.config.queues[0]));
}

#[tokio::test]
async fn a_queue_that_becomes_a_dead_letter_queue_keeps_its_own_failing_events() {
    let lives = Lives::new();
    let store = lives.open();
    commit(&store, 1, &["b"]).await;
    store.define(QueueConfig::new(name("new"), name("b"))).await.unwrap();
    let one = receive(&store, "b", 1).await.remove(0);
    settle(&store, "b", &one, Verb::GiveUp { reason: "never".into() }).await;
    assert_eq!((stats(&store, "b").await.depth, stats(&store, "dead").await.depth), (1, 0));
    assert_eq!(store.remove(&name("b")).await, Err(QueueFault::InUse { other: "new".into() }));
    store.remove(&name("new")).await.unwrap();
    assert_eq!(store.remove(&name("b")).await, Err(QueueFault::NotEmpty));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_or_held_to_its_bounds() {
    let lives = Lives::new();
    let store = lives.open();
    let nowhere = QueueConfig::new(name("new"), name("nowhere"));
    let fault = QueueFault::NoDeadLetterQueue { name: "nowhere".into() };
    assert_eq!(store.define(nowhere).await, Err(fault));
    assert!(info(&store, "new").is_none());
    let mut absurd = made("new");
    absurd.retry =
        RetryPolicy { attempts_max: 0, wait_min: Duration::MAX, wait_max: Duration::MAX };
    absurd.terms.delay = Duration::MAX;
    absurd.terms.ttl = Some(Duration::MAX);
    absurd.retain.time = Some(Duration::MAX);
    (absurd.rate_max, absurd.delivery_rate, absurd.held_max) = (Some(0), Some(0), usize::MAX);
    store.define(absurd.clone()).await.unwrap();
    let kept = info(&store, "new").unwrap().config;
    assert_eq!(kept, absurd.within_bounds());
    assert_eq!((kept.retry.attempts_max, kept.rate_max, kept.delivery_rate), (1, Some(1), Some(1)));
    commit(&store, 1, &["new"]).await;
    assert_eq!(stats(&store, "new").await.delayed, 1);
    drop(store);
    let store = lives.open();
    assert_eq!(info(&store, "new").unwrap().config, kept);
    assert_eq!(stats(&store, "new").await.delayed, 1);
}

#[tokio::test]
async fn a_removed_queue_is_gone_for_good_and_its_name_is_free() {
    let lives = Lives::new();
    let store = lives.open();
    assert_eq!(store.remove(&name("none")).await, Err(QueueFault::NoQueue));
    store.define(made("new")).await.unwrap();
    commit(&store, 1, &["new"]).await;
    assert_eq!(store.remove(&name("new")).await, Err(QueueFault::NotEmpty));
    let one = receive(&store, "new", 1).await.remove(0);
    assert_eq!(store.remove(&name("new")).await, Err(QueueFault::NotEmpty), "it is leased");
    settle(&store, "new", &one, Verb::GiveUp { reason: "never".into() }).await;
    assert_eq!(store.remove(&name("new")).await, Err(QueueFault::NotEmpty), "its letter is dead");
    assert_eq!(store.redrive(&name("new"), 9).await.unwrap().moved, 1);
    let one = receive(&store, "new", 1).await.remove(0);
    ack(&store, "new", &one).await;
    store.remove(&name("new")).await.unwrap();
    let refused = store.commit(routed(&event(2), None, &["a", "new"])).await.unwrap_err();
    assert!(matches!(refused, Refusal::StoreUnavailable { .. }), "{refused}");
    assert_eq!(stats(&store, "a").await.depth, 0);
    assert!(store.stats().await.iter().all(|(queue, _)| queue.as_str() != "new"));
    drop(store);
    let store = lives.open();
    assert_eq!(store.queues().len(), 3);
    store.define(made("new")).await.unwrap();
    commit(&store, 3, &["new"]).await;
    drop(store);
    let store = lives.open();
    assert_eq!((numbers(&store, "new").await, store.queues().len()), (vec![3], 4));
}

#[tokio::test]
async fn a_queue_may_have_the_name_that_a_removed_one_has_in_the_log() {
    let lives = Lives::new();
    let store = lives.open();
    store.define(made("new")).await.unwrap();
    store.remove(&name("new")).await.unwrap();
    store.define(made("removed-00003")).await.unwrap();
    commit(&store, 7, &["removed-00003"]).await;
    drop(store);
    let store = lives.open();
    assert_eq!(numbers(&store, "removed-00003").await, [7]);
    assert_eq!(store.queues().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_at_the_same_time_never_end_in_a_queue_that_is_removed() {
    let lives = Lives::new();
    let store = Arc::new(lives.open());
    for round in 0..20 {
        store.define(made("new")).await.unwrap();
        let commits: Vec<_> = (0..8)
            .map(|number| {
                let store = Arc::clone(&store);
                let event = event(round * 8 + number);
                tokio::spawn(async move { store.commit(routed(&event, None, &["new"])).await })
            })
            .collect();
        let removed = store.remove(&name("new")).await;
        let mut stored = 0;
        for commit in commits {
            stored += u64::from(commit.await.unwrap().is_ok());
        }
        assert!(removed.is_err() || stored == 0, "round {round}: {stored} stored, {removed:?}");
        if removed.is_err() {
            assert_eq!(store.purge(&name("new")).await, Ok(stored));
            let gone = async || store.remove(&name("new")).await.is_ok();
            eventually("an empty queue is removed", gone).await;
        }
    }
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_a_resumed_queue_goes_on() {
    let lives = Lives::new();
    let store = lives.open();
    commit(&store, 1, &["a"]).await;
    store.set_delivery(&name("a"), Delivery::Paused).await.unwrap();
    assert_eq!(numbers(&store, "a").await, [0; 0]);
    assert_eq!(info(&store, "a").unwrap().config.delivery, Delivery::Paused);
    store.define(made("a")).await.unwrap();
    assert_eq!(numbers(&store, "a").await, [0; 0], "a pause is stronger than a definition");
    drop(store);
    let store = lives.open();
    assert_eq!(numbers(&store, "a").await, [0; 0]);
    store.set_delivery(&name("a"), Delivery::Running).await.unwrap();
    assert_eq!(numbers(&store, "a").await, [1]);
    drop(store);
    let store = lives.open();
    assert_eq!(numbers(&store, "a").await, [1]);
    assert_eq!(store.set_delivery(&name("x"), Delivery::Paused).await, Err(QueueFault::NoQueue));
}

#[tokio::test]
async fn a_resumed_queue_runs_though_its_configuration_pauses_it() {
    let mut lives = Lives::new();
    lives.config.queues[0].delivery = Delivery::Paused;
    let store = lives.open();
    commit(&store, 1, &["a"]).await;
    assert_eq!(numbers(&store, "a").await, [0; 0]);
    store.set_delivery(&name("a"), Delivery::Running).await.unwrap();
    drop(store);
    let store = lives.open();
    assert_eq!(numbers(&store, "a").await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_is_on_its_way_keeps_the_queue_that_it_goes_to() {
    let disk = GatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Arc::new(open_on(&seam, &config("")));
    store.define(made("old")).await.unwrap();
    store.define(QueueConfig::new(name("x"), name("old"))).await.unwrap();
    commit(&store, 7, &["x"]).await;
    let one = receive(&store, "x", 1).await.remove(0);
    disk.shut(What::Flushes);
    // The writer waits for a flush; what is laid down meanwhile is in nobody's numbers.
    let other = Arc::clone(&store);
    let other = tokio::spawn(async move { commit(&other, 8, &["a"]).await });
    eventually("the writer waits", async || disk.is_waited_for()).await;
    let giving = Arc::clone(&store);
    let given = tokio::spawn(async move {
        settle(&giving, "x", &one, Verb::GiveUp { reason: "never".into() }).await
    });
    eventually("it is given up", async || stats(&store, "x").await.depth == 0).await;
    store.define(made("x")).await.unwrap();
    let removing = Arc::clone(&store);
    let removed = tokio::spawn(async move { removing.remove(&name("old")).await });
    let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
    let closed = || store.queues().iter().all(|info| info.config.name != name("old"));
    while !closed() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    disk.open();
    assert_eq!(removed.await.unwrap(), Err(QueueFault::NotEmpty));
    given.await.unwrap();
    other.await.unwrap();
    assert_eq!(numbers(&store, "old").await, [7]);
}
