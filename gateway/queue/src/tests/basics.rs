//! What a queue promises while nothing fails.

use std::time::Duration;

use sluicegate_core::letter::Cause;
use sluicegate_core::proof::{Dropped, Placement, Repeat, Routed, Validated};
use sluicegate_core::queue::{LeaseReceipt, QueueFault, SettleFault, Settled, Settlement, Verb};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine};

use super::world::*;
use crate::{OpenFault, Store};

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
    let again = receive(&store, "a", 1000).await;
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
async fn segments_go_when_settled_and_keys_outlive_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let first = event(0);
    store.commit(routed(&first, Some("first"), &["a"])).await.unwrap();
    for number in 1..200 {
        commit(&store, number, &["a"]).await;
    }
    assert!(store.metrics().segments > 3);
    for one in receive(&store, "a", 1000).await {
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
