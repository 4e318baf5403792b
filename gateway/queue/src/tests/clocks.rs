//! A wall clock that is set while the store is open: what lasts for a time lasts for that time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::{Delivery, Verb};
use sluicegate_core::seams::Engine;
use sluicegate_core::time::{Clock, Timestamp};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::{Retain, Store, StoreConfig};

const HOUR_S: i64 = 3_600;
const YEAR_S: i64 = 366 * 24 * HOUR_S;

/// Clocks that only the test moves.
#[derive(Clone)]
struct Clocks {
    steady: Arc<Mutex<Timestamp>>,
    ahead_s: Arc<AtomicI64>,
}

impl Clocks {
    fn new() -> Self {
        let steady = Arc::new(Mutex::new(wall_clock().now()));
        Self { steady, ahead_s: Arc::default() }
    }

    fn set_ahead(&self, seconds: i64) {
        self.ahead_s.store(seconds, Ordering::Relaxed);
    }

    fn pass(&self, time: Duration) {
        let mut steady = self.steady.lock().unwrap();
        *steady = steady.plus(time);
    }

    /// The clock of one process: it starts with the wall.
    fn clock(&self) -> Clock {
        let (walls, clocks) = (self.clone(), self.clone());
        let start = *self.steady.lock().unwrap();
        let wall = self.wall();
        Clock::of_two(
            move || walls.wall(),
            move || wall.plus(clocks.steady.lock().unwrap().since(start)),
        )
    }

    fn wall(&self) -> Timestamp {
        let steady = self.steady.lock().unwrap();
        let ahead = self.ahead_s.load(Ordering::Relaxed);
        let shift = Duration::from_secs(ahead.unsigned_abs());
        match ahead {
            0.. => steady.plus(shift),
            _ => Timestamp::default().plus(steady.since(Timestamp::default()) - shift),
        }
    }

    fn open(&self, disk: &Arc<dyn Disk>, config: &StoreConfig) -> Store {
        Store::open_on(Arc::clone(disk), config, self.clock()).unwrap()
    }
}

fn seam() -> Arc<dyn Disk> {
    Arc::new(SimulatedDisk::new())
}

async fn repeat(store: &Store, number: u64) -> Repeat {
    let key = format!("key-{number}");
    store.commit(routed(&event(number), Some(&key), &["a"])).await.unwrap().repeat()
}

#[tokio::test]
async fn a_jump_ends_no_lease_and_no_delay() {
    let (clocks, disk) = (Clocks::new(), seam());
    let store = clocks.open(&disk, &config(""));
    for number in 0..2 {
        commit(&store, number, &["a"]).await;
    }
    let leased = receive(&store, "a", 2).await;
    let delay = Some(Duration::from_secs(60));
    let verb = Verb::Nack { delay, reason: "later".into() };
    settle(&store, "a", &leased[1], verb).await;
    for jump in [HOUR_S, -HOUR_S, YEAR_S, -YEAR_S, 0] {
        clocks.set_ahead(jump);
        assert!(receive(&store, "a", 9).await.is_empty(), "after a jump of {jump} s");
        let stats = stats(&store, "a").await;
        assert_eq!((stats.leased, stats.delayed, stats.lease_expiries), (1, 1, 0), "{jump} s");
    }
    ack(&store, "a", &leased[0]).await;
    clocks.pass(Duration::from_secs(61));
    assert_eq!(numbers(&store, "a").await, [1]);
}

#[tokio::test]
async fn a_delay_is_no_longer_after_a_restart_than_it_was_whatever_the_clock_did() {
    for (before, after) in [(0, -HOUR_S), (0, -YEAR_S), (YEAR_S, 0)] {
        let (clocks, disk) = (Clocks::new(), seam());
        let store = clocks.open(&disk, &config(""));
        commit(&store, 7, &["a"]).await;
        clocks.set_ahead(before);
        let leased = receive(&store, "a", 1).await;
        let delay = Some(Duration::from_secs(60));
        settle(&store, "a", &leased[0], Verb::Nack { delay, reason: "later".into() }).await;
        drop(store);
        clocks.set_ahead(after);
        // Once from the log, once from the checkpoint that the start before it made.
        for _ in 0..2 {
            let store = clocks.open(&disk, &config(""));
            commit(&store, 8, &["b"]).await;
            assert!(receive(&store, "a", 1).await.is_empty());
            eventually("a checkpoint", async || store.metrics().checkpoints > 0).await;
            drop(store);
        }
        clocks.pass(Duration::from_secs(61));
        let store = clocks.open(&disk, &config(""));
        assert_eq!(numbers(&store, "a").await, [7], "{before} s, then {after} s");
    }
}

#[tokio::test]
async fn keys_are_forgotten_by_the_time_that_has_passed_and_not_by_a_jump() {
    let (clocks, disk) = (Clocks::new(), seam());
    let config = StoreConfig { dedupe_window: Duration::from_secs(100), ..config("") };
    let store = clocks.open(&disk, &config);
    assert_eq!(repeat(&store, 0).await, Repeat::First);
    for (jump, other) in [(YEAR_S, 1), (-YEAR_S, 2), (0, 3)] {
        clocks.set_ahead(jump);
        assert_eq!(repeat(&store, 0).await, Repeat::Duplicate, "after a jump of {jump} s");
        assert_eq!(repeat(&store, other).await, Repeat::First);
    }
    clocks.pass(Duration::from_secs(101));
    assert_eq!(repeat(&store, 0).await, Repeat::First, "the window is over");
}

#[tokio::test]
async fn a_jump_deletes_no_segment_and_keeps_none_for_longer() {
    let (clocks, disk) = (Clocks::new(), seam());
    let mut config = config("");
    let retain = Retain { time: Some(Duration::from_secs(600)), ..Retain::default() };
    config.queues.iter_mut().for_each(|queue| queue.retain = retain);
    let store = clocks.open(&disk, &config);
    let fill = async || {
        for number in 0..200 {
            commit(&store, number, &["a"]).await;
        }
        for one in receive_all(&store, "a").await {
            ack(&store, "a", &one).await;
        }
    };
    fill().await;
    clocks.set_ahead(YEAR_S);
    fill().await;
    clocks.set_ahead(0);
    let kept = store.metrics().segments;
    assert!(kept > 4, "{kept} segments are kept for ten minutes");
    clocks.pass(Duration::from_secs(601));
    commit(&store, 99, &["b"]).await;
    eventually("old segments are deleted", async || store.metrics().segments < 4).await;
}

#[tokio::test]
async fn an_event_lives_as_long_as_time_really_passes_and_after_a_restart_by_the_wall_clock() {
    let (clocks, disk) = (Clocks::new(), seam());
    let mut config = config("");
    config.queues[0].terms.ttl = Some(Duration::from_secs(3_600));
    // Who asks gets nothing, but the queue looks at its clocks.
    config.queues[0].delivery = Delivery::Paused;
    let store = clocks.open(&disk, &config);
    let depth = async |store: &Store| {
        assert!(receive(store, "a", 1).await.is_empty());
        stats(store, "a").await.depth
    };
    // The times that events carry are those of the machine: these clocks started with it.
    commit(&store, 1, &["a"]).await;
    assert_eq!(depth(&store).await, 1, "the queue has taken it up");
    clocks.pass(Duration::from_secs(600));
    for jump in [HOUR_S, YEAR_S, -YEAR_S, 0] {
        clocks.set_ahead(jump);
        assert_eq!(depth(&store).await, 1, "after a jump of {jump} s");
    }
    clocks.set_ahead(-HOUR_S);
    clocks.pass(Duration::from_secs(3_300));
    eventually("its time is over", async || depth(&store).await == 0).await;
    drop(store);
    let (clocks, disk) = (Clocks::new(), seam());
    let store = clocks.open(&disk, &config);
    commit(&store, 2, &["b", "a"]).await;
    assert_eq!(depth(&store).await, 1);
    drop(store);
    clocks.set_ahead(2 * HOUR_S);
    let store = clocks.open(&disk, &config);
    eventually("it is over by the wall clock", async || depth(&store).await == 0).await;
    assert_eq!(stats(&store, "b").await.depth, 1);
}
