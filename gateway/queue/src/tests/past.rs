//! The log as it was written: read from any place on, and placed in queues once more.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::proof::{Placement, Routed, Validated};
use sluicegate_core::queue::QueueFault;
use sluicegate_core::seams::Engine;
use sluicegate_core::time::Timestamp;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::{Cursor, Field, PastEvent, QueueConfig, Retain, Store, StoreConfig, TermsRules};

/// Every queue keeps what is settled for an hour.
fn keeping(folder: impl Into<std::path::PathBuf>) -> StoreConfig {
    let mut keeping = config(folder);
    let retain = Retain { time: Some(Duration::from_secs(3600)), ..Retain::default() };
    keeping.queues.iter_mut().for_each(|queue| queue.retain = retain);
    keeping
}

/// All of the log from a place on, in parts of so many bytes.
async fn read_all(store: &Store, from: Cursor, bytes_max: usize) -> Vec<PastEvent> {
    let (mut all, mut next, mut done) = (Vec::new(), Some(from), 0);
    while let Some(from) = next {
        let part = store.past(from, bytes_max).await.unwrap();
        assert!(part.bytes_done >= done && part.bytes_done <= part.bytes_total);
        assert!(part.next.is_none_or(|next| next > from));
        (next, done) = (part.next, part.bytes_done);
        assert_eq!(next.is_none(), part.bytes_done == part.bytes_total);
        all.extend(part.events);
    }
    all
}

fn seen(all: &[PastEvent]) -> Vec<u64> {
    all.iter().map(|one| number_of(&one.event)).collect()
}

#[tokio::test]
async fn the_log_gives_back_every_event_once_whatever_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(keeping(folder.path()), wall_clock()).unwrap();
    let mut first = Vec::new();
    for number in 0..150 {
        first.push(commit(&store, number, &["a", "b"]).await);
        let one = receive(&store, "a", 1).await.remove(0);
        ack(&store, "a", &one).await;
    }
    let parts = [1, 700, 1 << 30];
    for bytes_max in parts {
        let all = read_all(&store, Cursor::START, bytes_max).await;
        assert_eq!(all.iter().map(|one| one.event.clone()).collect::<Vec<_>>(), first);
        let whole = |one: &PastEvent| {
            one.received && one.verdict == verdict() && one.queues == [name("a"), name("b")]
        };
        assert!(all.iter().all(whole), "parts of {bytes_max}");
    }
    let all = read_all(&store, Cursor::START, 1 << 30).await;
    assert_eq!(seen(&read_all(&store, all[77].cursor, 900).await), (77..150).collect::<Vec<_>>());
    let from = store.seek(first[77].received_at).unwrap();
    let found = seen(&read_all(&store, from, 1 << 20).await);
    assert!(found.contains(&77) && found.len() < 150, "{found:?}");
    let end = first[149].received_at.plus(Duration::from_nanos(1));
    assert_eq!(store.seek(end), None);
    drop(store);
    let store = Store::open(keeping(folder.path()), wall_clock()).unwrap();
    assert_eq!(seen(&read_all(&store, all[77].cursor, 900).await), (77..150).collect::<Vec<_>>());
    assert_eq!(store.seek(first[77].received_at), Some(from));
}

#[tokio::test]
async fn what_filters_made_is_told_apart_and_an_empty_log_has_no_past() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(keeping(folder.path()), wall_clock()).unwrap();
    assert!(store.past(Cursor::START, 1).await.unwrap().events.is_empty());
    assert_eq!(store.seek(Timestamp::default()), None);
    let (received, made) = (event(1), event(2));
    let place = |event: &sluicegate_core::event::Event, queue: &str| Placement {
        event: event.clone(),
        queues: vec![name(queue)],
        letter: None,
    };
    let validated = Validated::assertion(received.clone(), verdict(), None);
    let placements = vec![place(&received, "a"), place(&made, "b"), place(&received, "dead")];
    store.commit(Routed::assertion(validated, placements, Vec::new())).await.unwrap();
    let all = read_all(&store, Cursor::START, 1 << 20).await;
    assert_eq!(seen(&all), [1, 2]);
    assert_eq!((all[0].received, all[1].received), (true, false));
    assert_eq!(all[0].queues, [name("a"), name("dead")]);
    let rest = read_all(&store, all[1].cursor, 1 << 20).await;
    assert_eq!(seen(&rest), [2], "a cursor may lie within an entry");
}

#[tokio::test]
async fn scheduled_events_are_found_by_their_time_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = keeping(folder.path());
    config.queues[0].terms.delay = Duration::from_secs(600);
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    let event = commit(&store, 1, &["a"]).await;
    let from = store.seek(event.received_at);
    assert!(from.is_some());
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!(store.seek(event.received_at), from);
}

#[tokio::test]
async fn damage_is_passed_over() {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &keeping(""));
    for number in 0..9 {
        commit(&store, number, &["a"]).await;
    }
    let bytes = disk.bytes_of("log/0000000001.log");
    let payload = b"{\"n\":4,";
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    disk.flip("log/0000000001.log", at + 40, 3);
    for bytes_max in [1, 1 << 20] {
        let found = seen(&read_all(&store, Cursor::START, bytes_max).await);
        assert_eq!(found, [0, 1, 2, 3, 5, 6, 7, 8]);
    }
}

#[tokio::test]
async fn events_of_the_past_are_placed_again_by_reference_and_durably() {
    let folder = tempfile::tempdir().unwrap();
    let config = keeping(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    let terms = TermsRules {
        priority_by: Some(Field::Header("x-number".into())),
        delay: Duration::from_secs(600),
        ..TermsRules::default()
    };
    let urgent = QueueConfig { terms, ..QueueConfig::new(name("urgent"), name("dead")) };
    store.define(QueueConfig { events_max: Some(1), ..urgent }).await.unwrap();
    for number in 0..40 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive(&store, "a", 100).await {
        ack(&store, "a", &one).await;
    }
    let before = store.metrics().bytes;
    let past = read_all(&store, Cursor::START, 1 << 20).await;
    let again: Vec<_> = past
        .iter()
        .filter(|one| number_of(&one.event).is_multiple_of(10))
        .flat_map(|one| [(one.cursor, name("urgent")), (one.cursor, name("b"))])
        .collect();
    store.place_again(&again).await.unwrap();
    assert!(store.metrics().bytes - before < 1000, "their bytes are not written again");
    assert_eq!(store.place_again(&[]).await, Ok(()));
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!(numbers(&store, "b").await, [0, 10, 20, 30]);
    assert_eq!(stats(&store, "urgent").await.depth, 4, "a quota does not hold back who replays");
    let mut urgent = Vec::new();
    while urgent.len() < 4 {
        let wait = Duration::from_secs(10);
        urgent.extend(receive_for(&store, "urgent", 10, wait, wait).await);
    }
    assert_eq!(number_of(&urgent[3].event), 0, "priorities are decided anew");
    assert!(urgent.iter().all(|one| one.attempt == 1 && one.letter.is_none()));
    for one in &urgent {
        ack(&store, "urgent", one).await;
    }
    assert_eq!(stats(&store, "urgent").await.depth, 0);
    commit(&store, 41, &["urgent"]).await;
}

#[tokio::test]
async fn if_one_event_is_gone_none_is_placed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    commit(&store, 0, &["a"]).await;
    let old = read_all(&store, Cursor::START, 1 << 20).await[0].cursor;
    for number in 1..200 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive(&store, "a", 1000).await {
        ack(&store, "a", &one).await;
    }
    // Nothing is retained here.
    let gone = async || read_all(&store, Cursor::START, 1 << 20).await[0].cursor > old;
    eventually("the first segment is deleted", gone).await;
    let new = commit(&store, 200, &["a"]).await;
    let from = store.seek(new.received_at).unwrap();
    let new = read_all(&store, from, 1 << 20).await.pop().unwrap().cursor;
    let both = [(new, name("b")), (old, name("b"))];
    assert_eq!(store.place_again(&both).await, Err(QueueFault::Gone));
    let nowhere = [(new, name("b")), (new, name("none"))];
    assert_eq!(store.place_again(&nowhere).await, Err(QueueFault::NoQueue));
    let inside = Cursor(sluicegate_core::queue::Place { part: 9, ..new.0 });
    assert_eq!(store.place_again(&[(inside, name("b"))]).await, Err(QueueFault::Gone));
    assert_eq!(stats(&store, "b").await.depth, 0);
    let many = vec![(new, name("b")); Store::PLACED_AGAIN_MAX + 1];
    let fault = store.place_again(&many).await.unwrap_err();
    assert_eq!(fault, QueueFault::TooManyEvents { max: Store::PLACED_AGAIN_MAX });
    assert_eq!(fault.code(), "events_too_many");
    store.place_again(&many[..3]).await.unwrap();
    assert_eq!(numbers(&store, "b").await, [200; 3]);
}
