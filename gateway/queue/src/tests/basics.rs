//! What a queue promises while nothing fails.

use std::time::Duration;

use sluicegate_core::letter::Cause;
use sluicegate_core::proof::{Dropped, Placement, Routed, Validated};
use sluicegate_core::queue::{LeaseReceipt, QueueFault, SettleFault, Settled, Settlement, Verb};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::Store;

fn nack(delay: Option<Duration>) -> Verb {
    Verb::Nack { delay, reason: "no".into() }
}

#[tokio::test]
async fn what_was_committed_is_received_in_order_and_gone_once_acked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let first = commit(&store, 1, &["a", "b"]).await;
    commit(&store, 2, &["a"]).await;
    let got = receive(&store, "a", 10).await;
    assert_eq!(got.iter().map(|one| number_of(&one.event)).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(got[0].event, first);
    assert_eq!((got[0].attempt, &got[0].letter), (1, &None));
    for one in &got {
        ack(&store, "a", one).await;
    }
    assert_eq!(stats(&store, "a").await.depth, 0);
    assert_eq!(stats(&store, "b").await.depth, 1);
    assert_eq!(stats(&store, "a").await.acked, 2);
}

#[tokio::test]
async fn a_nacked_event_comes_back_after_its_delay_and_is_dead_lettered_at_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 1, &["a"]).await;
    for attempt in 1..=3 {
        let wait = Duration::from_secs(10);
        let got = receive_for(&store, "a", 1, wait, wait).await;
        assert_eq!(got[0].attempt, attempt);
        assert_eq!(settle(&store, "a", &got[0], nack(None)).await, Settled::Done);
    }
    let dead =
        receive_for(&store, "dead", 1, Duration::from_secs(10), Duration::from_secs(10)).await;
    let letter = dead[0].letter.clone().unwrap();
    assert_eq!(letter.cause, Cause::AttemptsExhausted);
    assert_eq!((letter.reason.as_str(), letter.attempts), ("no", 3));
    assert_eq!(letter.origin, Some(name("a")));
    assert_eq!((number_of(&dead[0].event), dead[0].attempt), (1, 1));
    assert_eq!(stats(&store, "a").await.dead, 1);
}

#[tokio::test]
async fn what_a_dead_letter_queue_cannot_give_away_stays_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 1, &["a"]).await;
    let one = receive(&store, "a", 1).await.remove(0);
    settle(&store, "a", &one, Verb::GiveUp { reason: "410".into() }).await;
    for _ in 0..5 {
        let wait = Duration::from_secs(10);
        let dead = receive_for(&store, "dead", 1, wait, wait).await;
        assert_eq!(dead[0].letter.as_ref().unwrap().cause, Cause::GivenUp);
        settle(&store, "dead", &dead[0], Verb::GiveUp { reason: "410".into() }).await;
    }
    assert_eq!(stats(&store, "dead").await.depth, 1);
}

#[tokio::test]
async fn a_redrive_moves_dead_letters_back_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    for number in 1..=3 {
        commit(&store, number, &[if number == 3 { "b" } else { "a" }]).await;
    }
    commit(&store, 4, &["dead"]).await;
    for queue in ["a", "b"] {
        for one in receive(&store, queue, 10).await {
            settle(&store, queue, &one, Verb::GiveUp { reason: "never".into() }).await;
        }
    }
    drop(store);
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    assert_eq!((stats(&store, "a").await.dead, stats(&store, "b").await.dead), (2, 1));
    let one = store.redrive(&name("a"), 1).await.unwrap();
    assert_eq!((one.moved, one.left), (1, 0));
    let rest = store.redrive(&name("dead"), 100).await.unwrap();
    assert_eq!((rest.moved, rest.left), (2, 1));
    drop(store);
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    assert_eq!(stats(&store, "a").await.dead, 0);
    let back = receive(&store, "a", 10).await;
    assert_eq!(back.iter().map(|one| number_of(&one.event)).collect::<Vec<_>>(), [1, 2]);
    assert!(back.iter().all(|one| one.attempt == 1 && one.letter.is_none()));
    assert_eq!(numbers(&store, "b").await, [3]);
    assert_eq!(numbers(&store, "dead").await, [4]);
}

#[tokio::test]
async fn forged_stale_and_used_receipts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 1, &["a", "b"]).await;
    let one = receive(&store, "a", 1).await.remove(0);
    let refused = |fault| Settled::Refused(fault);
    assert_eq!(settle(&store, "b", &one, Verb::Ack).await, refused(SettleFault::Unknown));
    ack(&store, "a", &one).await;
    assert_eq!(settle(&store, "a", &one, Verb::Ack).await, refused(SettleFault::Stale));
    let forged = Settlement { receipt: LeaseReceipt("zz".into()), verb: Verb::Ack };
    let settled = store.settle(&name("a"), vec![forged]).await.unwrap();
    assert_eq!(settled, [refused(SettleFault::Unknown)]);
    let fault = store.settle(&name("none"), Vec::new()).await.unwrap_err();
    assert_eq!(fault, QueueFault::NoQueue);
}

#[tokio::test]
async fn a_lease_that_runs_out_gives_the_event_to_the_consumer_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 1, &["a"]).await;
    let held = receive_for(&store, "a", 1, Duration::ZERO, Duration::from_millis(20)).await;
    let wait = Duration::from_secs(10);
    let again = receive_for(&store, "a", 1, wait, wait).await;
    assert_eq!(again[0].attempt, 2);
    let late = settle(&store, "a", &held[0], Verb::Ack).await;
    assert_eq!(late, Settled::Refused(SettleFault::Stale));
    assert_eq!(stats(&store, "a").await.lease_expiries, 1);
}

#[tokio::test]
async fn a_long_poll_is_answered_by_the_next_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let wait = Duration::from_secs(10);
    let (got, _) = tokio::join!(receive_for(&store, "a", 5, wait, wait), commit(&store, 1, &["a"]));
    assert_eq!(got.len(), 1);
    let none = receive_for(&store, "a", 5, Duration::from_millis(10), wait).await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_full_queue_refuses_the_whole_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.queues[1].events_max = Some(2);
    let store = Store::open(config, wall_clock()).unwrap();
    commit(&store, 1, &["b"]).await;
    commit(&store, 2, &["b"]).await;
    let refused = store.commit(routed(&event(3), None, &["a", "b"])).await.unwrap_err();
    assert!(matches!(&refused, Refusal::QueueFull { queue, .. } if queue == "b"), "{refused}");
    assert_eq!(stats(&store, "a").await.depth, 0);
    let one = receive(&store, "b", 1).await.remove(0);
    ack(&store, "b", &one).await;
    commit(&store, 4, &["a", "b"]).await;
}

#[tokio::test]
async fn a_commit_with_filters_outputs_keeps_each_event_and_shares_the_payload() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let received = event(1);
    let mut renamed = received.clone();
    renamed.parts_mut().kind = "renamed".into();
    renamed.parts_mut().id = received.id.part(1);
    let other = event(2);
    let place = |event: &sluicegate_core::event::Event, queue: &str| Placement {
        event: event.clone(),
        queues: vec![name(queue)],
        letter: None,
    };
    let dropped = Dropped { route: "r".parse().unwrap(), reason: "noise".into() };
    let validated = Validated::assertion(received.clone(), verdict(), None);
    let placements = vec![place(&renamed, "a"), place(&other, "b"), place(&received, "b")];
    store.commit(Routed::assertion(validated, placements, vec![dropped])).await.unwrap();
    let log = std::fs::read(folder.path().join("log/0000000001.log")).unwrap();
    let payload = &received.payload[..];
    assert_eq!(log.windows(payload.len()).filter(|bytes| *bytes == payload).count(), 1);
    assert_eq!(receive(&store, "a", 10).await[0].event, renamed);
    let got = receive(&store, "b", 10).await;
    assert_eq!((&got[0].event, &got[1].event), (&other, &received));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_went_away_are_given_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(Store::open(config(folder.path()), wall_clock()).unwrap());
    let (wait, lease) = (Duration::from_secs(50), Duration::from_secs(40));
    let ask = async |max| receive_for(&store, "a", max, wait, lease).await;
    for _ in 0..200 {
        let other = std::sync::Arc::clone(&store);
        let waiting =
            tokio::spawn(
                async move { other.receive(&name("a"), Ask { max: 9, wait, lease }).await },
            );
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err(), "there is nothing to receive");
    }
    for number in 0..20 {
        commit(&store, number, &["a"]).await;
        let got = ask(1).await.remove(0);
        assert_eq!((number_of(&got.event), got.attempt), (number, 1));
        ack(&store, "a", &got).await;
    }
}
