//! State that is committed with events: in the same entry, through checkpoints and power cuts, in
//! the order of the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sluicegate_core::event::Event;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Engine, Uncommitted};
use sluicegate_core::state::{Grant, Scope, Scratch, Session, Transaction, Value, Write};
use sluicegate_core::time::{Clock, Timestamp};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::format::checkpoint::encode_state;
use crate::{Cursor, Store, StoreConfig};

pub(super) fn scope(plugin: &str) -> Scope {
    Scope { plugin: plugin.parse().unwrap(), route: "main".parse().unwrap() }
}

const GRANT: Grant = Grant { keys_max: 10_000, bytes_max: 1 << 20, value_bytes_max: 1 << 16 };

fn noon() -> Clock {
    Clock::new(|| Timestamp::from_unix_ms(1_800_000_000_000))
}

/// What filters wrote: these keys, in two scopes; a value that is none is a deletion.
fn of(writes: Vec<(String, Option<Vec<u8>>, Option<u32>)>) -> Transaction {
    let mut session = Session::over(Arc::new(Scratch::new(noon())));
    for (at, (key, value, ttl)) in writes.into_iter().enumerate() {
        let scope = scope(["a", "b"][at % 2]);
        let ttl = ttl.map(|ttl| Duration::from_millis(ttl.into()));
        match value {
            Some(value) => session.set(&scope, GRANT, &key, value.into(), ttl).unwrap(),
            None => session.delete(&scope, GRANT, &key).unwrap(),
        }
    }
    session.into_transaction()
}

prop_compose! {
    /// Any transaction.
    pub(super) fn transaction()(
        writes in proptest::collection::vec(
            (".{1,9}", proptest::option::of(any::<Vec<u8>>()), proptest::option::of(any::<u32>())),
            0..6,
        )
    ) -> Transaction {
        of(writes)
    }
}

/// A value that stays, one that expires, and a deletion.
pub(super) fn written() -> Transaction {
    let key = |name: &str| name.to_owned();
    of(vec![
        (key("k"), Some(b"v".to_vec()), None),
        (key("l"), Some(vec![0xff]), Some(9)),
        (key("m"), None, None),
    ])
}

/// The values of a transaction, as a checkpoint has them.
pub(super) fn frames_of(transaction: &Transaction) -> Vec<Vec<u8>> {
    let all: Vec<(Scope, Arc<str>, Value)> = transaction
        .writes()
        .filter_map(|(scope, key, write)| Some((scope.clone(), key.into(), write.value()?.clone())))
        .collect();
    encode_state(&all)
}

/// Counts with an event, and commits both.
async fn count(store: &Store, event: &Event) -> Result<(Receipt, i64), Uncommitted> {
    count_with(store, event, None).await
}

async fn count_with(
    store: &Store,
    event: &Event,
    key: Option<&str>,
) -> Result<(Receipt, i64), Uncommitted> {
    loop {
        let mut session = Session::over(store.state());
        let sum = session.increment(&scope("p"), GRANT, "n", 1, None).unwrap();
        let routed = routed(event, key, &["a"]);
        match store.commit_with(routed, session.into_transaction()).await {
            Err(Uncommitted::Conflict) => {}
            committed => return committed.map(|receipt| (receipt, sum)),
        }
    }
}

fn value(store: &Store, key: &str) -> Option<Bytes> {
    let view = store.state();
    view.read(&scope("p"), key, view.now()).value.map(|value| value.bytes)
}

fn counted(store: &Store) -> u64 {
    value(store, "n").map_or(0, |value| std::str::from_utf8(&value).unwrap().parse().unwrap())
}

fn disk_of(disk: &SimulatedDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn small() -> StoreConfig {
    StoreConfig { segment_bytes: 4 * 1024, ..config("") }
}

#[tokio::test]
async fn a_hot_key_is_counted_exactly_by_many_at_once_and_after_a_restart() {
    let disk = SimulatedDisk::new();
    let store = Arc::new(open_on(&disk_of(&disk), &small()));
    let all = (0..200_u64).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { count(&store, &event(number)).await.unwrap().1 })
    });
    let mut sums = Vec::new();
    for one in all.collect::<Vec<_>>() {
        sums.push(one.await.unwrap());
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=200).collect::<Vec<i64>>(), "no number is seen twice");
    assert_eq!(store.metrics().state[0].keys, 1);
    // It is written beside the commits: there is more than the log soon, not at once.
    eventually("a checkpoint", async || store.metrics().checkpoints > 0).await;
    store.stop().await;
    drop(store);
    let store = open_on(&disk_of(&disk.after_power_cut(3)), &small());
    assert_eq!(counted(&store), 200);
}

#[tokio::test]
async fn two_events_that_run_at_once_do_not_both_win_a_key() {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), &small());
    let claim = || {
        let mut session = Session::over(store.state());
        let won = session.set_if_absent(&scope("p"), GRANT, "lock", Bytes::new(), None).unwrap();
        (won, session.into_transaction())
    };
    let ((first_won, first), (second_won, second)) = (claim(), claim());
    assert!(first_won && second_won, "neither has seen the other");
    let (one, other) = (event(1), event(2));
    let first = store.commit_with(routed(&one, None, &["a"]), first);
    let second = store.commit_with(routed(&other, None, &["a"]), second);
    assert_eq!(second.await, Err(Uncommitted::Conflict));
    first.await.unwrap();
    assert!(!claim().0);
    assert_eq!(store.metrics().state_conflicts, 1);
    assert_eq!(numbers(&store, "a").await, [1], "of the other nothing was written");
    assert_eq!(stats(&store, "a").await.depth, 1, "and its room was given back");
}

#[tokio::test]
async fn what_a_repeated_delivery_would_write_is_not_written_and_those_that_saw_it_run_again() {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), &small());
    let (first, again, third) = (event(1), event(2), event(3));
    count_with(&store, &first, Some("key")).await.unwrap();
    // Laid down one after the other, before the writer has seen any of them.
    let repeated = {
        let mut session = Session::over(store.state());
        session.increment(&scope("p"), GRANT, "n", 1, None).unwrap();
        store.commit_with(routed(&again, Some("key"), &["a"]), session.into_transaction())
    };
    let mut session = Session::over(store.state());
    session.get(&scope("p"), GRANT, "n").unwrap();
    let reader = store.commit_with(routed(&third, None, &["a"]), session.into_transaction());
    assert_eq!(repeated.await.unwrap().repeat(), Repeat::Duplicate);
    // The writer may have been quicker than this test: then the reader saw what is.
    let _ = reader.await;
    assert_eq!(count(&store, &event(4)).await.unwrap().1, 2);
    assert_eq!(counted(&store), 2);
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing_behind() {
    let disk = SimulatedDisk::new();
    let mut config = small();
    config.queues[0].events_max = Some(1);
    let store = open_on(&disk_of(&disk), &config);
    count(&store, &event(1)).await.unwrap();
    let no = count(&store, &event(2)).await.unwrap_err();
    assert!(matches!(no, Uncommitted::Refused(Refusal::QueueFull { .. })), "{no:?}");
    assert_eq!(counted(&store), 1);
    disk.fail_flush_after(0);
    let no = count_in(&store, "b").await.unwrap_err();
    assert!(matches!(no, Uncommitted::Refused(Refusal::StoreUnavailable { .. })), "{no:?}");
    drop(store);
    let store = open_on(&disk_of(&disk.after_power_cut(1)), &config);
    assert_eq!(counted(&store), 1);
}

async fn count_in(store: &Store, queue: &str) -> Result<Receipt, Uncommitted> {
    let mut session = Session::over(store.state());
    session.increment(&scope("p"), GRANT, "n", 1, None).unwrap();
    store.commit_with(routed(&event(9), None, &[queue]), session.into_transaction()).await
}

/// What the callers were told, and what the state must be then.
#[derive(Default)]
struct Told {
    asked: u64,
    acked: u64,
}

/// Counts with each event, most of which are dropped, and sets a key to its number.
async fn work(store: &Store, told: &mut Told, events: u64) {
    for number in 0..events {
        let event = event(number);
        told.asked += 1;
        let mut session = Session::over(store.state());
        let (at, text) = (scope("p"), number.to_string());
        session.increment(&at, GRANT, "n", 1, None).unwrap();
        session.set(&at, GRANT, &format!("k{}", number % 3), text.into(), None).unwrap();
        if number % 5 == 4 {
            session.delete(&at, GRANT, "k1").unwrap();
        }
        let queues: &[&str] = if number % 3 == 0 { &["a"] } else { &[] };
        let routed = if queues.is_empty() { dropped(&event) } else { routed(&event, None, queues) };
        if store.commit_with(routed, session.into_transaction()).await.is_err() {
            return;
        }
        told.acked += 1;
    }
}

fn dropped(event: &Event) -> sluicegate_core::proof::Routed {
    use sluicegate_core::proof::{Dropped, Routed, Validated};
    let validated = Validated::assertion(event.clone(), verdict(), None);
    let drop = Dropped { route: "main".parse().unwrap(), reason: "not wanted".into() };
    Routed::assertion(validated, Vec::new(), vec![drop])
}

/// The state after so many events of `work`, one after the other.
fn expected(events: u64) -> [Option<Bytes>; 3] {
    let mut keys = [None, None, None];
    for number in 0..events {
        keys[number as usize % 3] = Some(Bytes::from(number.to_string()));
        if number % 5 == 4 {
            keys[1] = None;
        }
    }
    keys
}

async fn cut_at_every_step(config: &StoreConfig, events: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), config);
    let mut told = Told::default();
    work(&store, &mut told, events).await;
    store.stop().await;
    assert_eq!(told.acked, events);
    for step in 1..=disk.steps() {
        let disk = SimulatedDisk::new();
        disk.die_at(step);
        let mut told = Told::default();
        if let Ok(store) = Store::open_on(disk_of(&disk), config, wall_clock()) {
            work(&store, &mut told, events).await;
        }
        let what = format!("power cut at step {step}");
        let store = open_on(&disk_of(&disk.after_power_cut(step)), config);
        let counted = counted(&store);
        assert!((told.acked..=told.asked).contains(&counted), "{what}: {counted}");
        let keys = ["k0", "k1", "k2"].map(|key| value(&store, key));
        assert_eq!(keys, expected(counted), "{what}: the state is that after {counted} events");
        let stored = numbers(&store, "a").await;
        let events: Vec<u64> = (0..counted).filter(|number| number % 3 == 0).collect();
        assert_eq!(stored, events, "{what}: events and state are together");
    }
    disk
}

#[tokio::test]
async fn a_power_cut_at_any_step_keeps_an_event_and_its_state_together() {
    let disk = cut_at_every_step(&small(), 60).await;
    assert!(!disk.list("checkpoints").unwrap().is_empty());
    assert!(disk.steps() > 100, "{} steps", disk.steps());
}

#[tokio::test]
async fn a_power_cut_at_any_step_of_a_sealed_store_does_so_too() {
    let disk = cut_at_every_step(&sealed_by(small(), "one"), 25).await;
    assert!(!disk.list("checkpoints").unwrap().is_empty());
}

#[tokio::test]
async fn state_of_segments_that_are_deleted_is_in_the_checkpoints_and_what_expired_is_gone() {
    let time = Arc::new(AtomicU64::new(1_800_000_000_000));
    let clock = {
        let time = Arc::clone(&time);
        Clock::new(move || Timestamp::from_unix_ms(time.load(Ordering::Relaxed)))
    };
    let disk = SimulatedDisk::new();
    let store = Store::open_on(disk_of(&disk), &small(), clock.clone()).unwrap();
    let mut session = Session::over(store.state());
    let minute = Some(Duration::from_secs(60));
    session.set(&scope("p"), GRANT, "stays", Bytes::from("1"), None).unwrap();
    session.set(&scope("p"), GRANT, "goes", Bytes::from("2"), minute).unwrap();
    let first = store.commit_with(dropped(&event(0)), session.into_transaction());
    first.await.unwrap();
    let mut number = 1;
    while disk.list("log").unwrap().contains(&"0000000001.log".to_owned()) {
        store.commit(dropped_now(number)).await.unwrap();
        number += 1;
        assert!(number < 10_000, "the first segment goes");
    }
    store.stop().await;
    drop(store);
    let store = Store::open_on(disk_of(&disk), &small(), clock.clone()).unwrap();
    assert_eq!(value(&store, "stays"), Some(Bytes::from("1")));
    assert_eq!(value(&store, "goes"), Some(Bytes::from("2")));
    time.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(value(&store, "goes"), None);
    drop(store);
    let store = Store::open_on(disk_of(&disk), &small(), clock).unwrap();
    assert_eq!(store.metrics().state[0].keys, 1, "it is not read back");
}

fn dropped_now(number: u64) -> sluicegate_core::proof::Routed {
    dropped(&event(number))
}

#[tokio::test]
async fn who_goes_away_before_the_answer_leaves_nothing_staged() {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), &small());
    let mut session = Session::over(store.state());
    session.increment(&scope("p"), GRANT, "n", 1, None).unwrap();
    drop(store.commit_with(routed(&event(1), None, &["a"]), session.into_transaction()));
    count(&store, &event(2)).await.unwrap();
    assert_eq!(counted(&store), 2, "what was laid down is committed, whoever waits");
    assert_eq!(store.states.staged(), 0);
}

#[tokio::test]
async fn state_alone_is_durable_in_order_and_shows_no_event() {
    let disk = SimulatedDisk::new();
    let store = open_on(&disk_of(&disk), &small());
    let set = |bytes: &[u8]| {
        let value = Value { bytes: Bytes::copy_from_slice(bytes), expires_at: None };
        Transaction::of(scope("p"), GRANT, [("k".into(), Write::Set(value))])
    };
    // Laid down in this order, whoever waits first.
    let (first, second) = (store.remember(set(b"1")), store.remember(set(b"2")));
    second.await.unwrap();
    first.await.unwrap();
    store.remember(set(b"3")).await.unwrap();
    assert_eq!(store.remembered(&scope("p")), [("k".into(), Bytes::from_static(b"3"))]);
    assert_eq!(store.remembered(&scope("other")), []);
    // Nobody waits for this one.
    drop(store.remember(set(b"4")));
    store.stop().await;
    drop(store);
    let store = open_on(&disk_of(&disk.after_power_cut(7)), &small());
    assert_eq!(value(&store, "k").unwrap(), "4");
    assert!(store.past(Cursor::START, 1 << 20).await.unwrap().events.is_empty());
    let delete = Transaction::of(scope("p"), GRANT, [("k".into(), Write::Delete)]);
    store.remember(delete).await.unwrap();
    assert_eq!(store.remembered(&scope("p")), []);
}
