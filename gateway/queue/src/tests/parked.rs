//! Settlements that find no room at all: they wait, in order, and are durable before they are
//! answered.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sluicegate_core::queue::{Settled, Settlement, Verb};
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::Store;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

/// Waits until the answer is there, or everything that came before it was dealt with.
async fn answered<F: Future + Unpin>(store: &Store, answer: &mut F) -> Option<F::Output> {
    let dealt_with = async {
        // The owner has decided when it says this, and the writer has answered what it could when
        // it has looked at two batches more.
        let _ = stats(store, "a").await;
        for _ in 0..2 {
            store.end().await.unwrap();
        }
    };
    tokio::select! {
        biased;
        answer = &mut *answer => return Some(answer),
        () = dealt_with => {}
    }
    poll_fn(|context| match std::pin::Pin::new(&mut *answer).poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_settlement_without_room_waits_for_it_and_outlives_a_power_cut_once_it_is_answered() {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut config = config("");
    config.queues.iter_mut().for_each(|queue| queue.retry.attempts_max = u32::MAX);
    let store = Store::open_manned(Arc::clone(&seam), &config, wall_clock()).unwrap();
    let stored = 100;
    for number in 0..stored {
        commit(&store, number, &["a"]).await;
    }
    // What is left is the segment, and the next one if it is made.
    eventually("the ballast", async || seam.list("").unwrap().contains(&"ballast".into())).await;
    seam.remove("ballast").unwrap();
    disk.leave_room(0);
    let mut leased = receive_all(&store, "a").await.into_iter();
    assert_eq!(leased.len() as u64, stored);
    let mut settled = 0;
    // Long reasons use up what is left, until one does not fit.
    let (number, mut parked) = loop {
        let one = leased.next().expect("the room ends before the events");
        let verb = match settled {
            0 => Verb::GiveUp { reason: "no ".repeat(300) },
            _ => Verb::Nack { delay: Some(Duration::from_secs(600)), reason: "no ".repeat(300) },
        };
        let settlements = vec![Settlement { receipt: one.receipt.clone(), verb }];
        let queue = name("a");
        let mut answer = Box::pin(async { store.settle(&queue, settlements).await });
        if answered(&store, &mut answer).await.is_none() {
            drop(answer);
            break (number_of(&one.event), leased);
        }
        settled += 1;
    };
    assert!(settled > 0 && !store.metrics().poisoned, "{settled} settled");
    // Another one waits behind it, though it is short.
    let behind = parked.next().unwrap();
    let queue = name("a");
    let settlements = vec![Settlement { receipt: behind.receipt.clone(), verb: Verb::Ack }];
    let mut answer = Box::pin(store.settle(&queue, settlements));
    assert!(answered(&store, &mut answer).await.is_none(), "{number} waits before it");
    disk.leave_room(8 << 20);
    let answer = tokio::time::timeout(Duration::from_secs(20), answer).await.unwrap();
    assert_eq!(answer.unwrap(), [Settled::Done]);
    for seed in 0..16 {
        let after: Arc<dyn Disk> = Arc::new(disk.after_power_cut(seed));
        let store = open_on(&after, &config);
        let now = stats(&store, "a").await;
        // One was given up, one acknowledged; the others of `settled`, and the one that waited
        // first, wait for their next attempt.
        assert_eq!((now.depth, now.delayed as u64), (stored - 2, settled), "seed {seed}");
        assert!(!numbers(&store, "a").await.contains(&number_of(&behind.event)), "seed {seed}");
    }
}
