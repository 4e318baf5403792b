//! What the tests of the store share: events, consumers, and a store that is opened again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::proof::{DedupeKey, Placement, Routed, Validated};
use sluicegate_core::queue::{Consumed, QueueStats, Settled, Settlement, Verb};
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::{Clock, Timestamp};

use crate::disk::Disk;
use crate::{Encryption, LocalKey, QueueConfig, Store, StoreConfig};

/// A clock that tells the time.
pub(super) fn wall_clock() -> Clock {
    Clock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_unix_ns(now.as_nanos() as u64)
    })
}

pub(super) fn name(text: &str) -> QueueName {
    text.parse().unwrap()
}

/// Two queues with a dead-letter queue, three quick attempts, small segments.
pub(crate) fn config(folder: impl Into<std::path::PathBuf>) -> StoreConfig {
    let retry = RetryPolicy {
        attempts_max: 3,
        wait_min: Duration::from_millis(1),
        wait_max: Duration::from_millis(2),
    };
    let queue = |text| QueueConfig { retry, ..QueueConfig::new(name(text), name("dead")) };
    StoreConfig {
        segment_bytes: 16 * 1024,
        queues: vec![queue("a"), queue("b"), queue("dead")],
        free_bytes_min: 0,
        seed: 7,
        ..StoreConfig::new(folder)
    }
}

/// The key of this name: its bytes are made of it.
pub(crate) fn local_key(name: &str) -> Arc<LocalKey> {
    let mut bytes = [0x5a; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte ^= letter);
    Arc::new(LocalKey::new(name, &bytes))
}

/// The same, encrypted with the key of this name.
pub(crate) fn sealed_by(config: StoreConfig, name: &str) -> StoreConfig {
    StoreConfig { encryption: Some(Encryption::new(local_key(name))), ..config }
}

pub(crate) fn open_on(disk: &Arc<dyn Disk>, config: &StoreConfig) -> Store {
    Store::open_on(Arc::clone(disk), config, wall_clock()).unwrap()
}

/// The event number `number`: its payload says so, and is checked when it comes back.
pub(crate) fn event(number: u64) -> Event {
    let at = wall_clock().now();
    Event::new(Parts {
        id: EventId::new(at, number),
        source: "github".parse().unwrap(),
        kind: "push".into(),
        subject: Some(format!("repo/{number}")),
        time: None,
        received_at: at,
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers: [("x-number", number.to_string().as_str())].into_iter().collect(),
        payload: Bytes::from(format!("{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(200))),
    })
}

pub(super) fn number_of(event: &Event) -> u64 {
    let number: u64 = event.headers.first("x-number").unwrap().parse().unwrap();
    let expected = format!("{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(200));
    assert_eq!(event.payload, expected.as_bytes());
    number
}

pub(super) fn verdict() -> Verdict {
    Verdict { scheme: "github".into(), key: None, skew_ms: Some(-3), schema: None }
}

pub(super) fn routed(event: &Event, key: Option<&str>, queues: &[&str]) -> Routed {
    let validated = Validated::assertion(event.clone(), verdict(), key.and_then(DedupeKey::new));
    let placement = Placement {
        event: event.clone(),
        queues: queues.iter().map(|queue| name(queue)).collect(),
        letter: None,
    };
    Routed::assertion(validated, vec![placement], Vec::new())
}

pub(super) async fn commit(store: &Store, number: u64, queues: &[&str]) -> Event {
    let event = event(number);
    let receipt = store.commit(routed(&event, None, queues)).await.unwrap();
    assert_eq!(receipt.event(), event.id);
    event
}

/// What is ready now.
pub(super) async fn receive(store: &Store, queue: &str, max: usize) -> Vec<Consumed> {
    receive_for(store, queue, max, Duration::ZERO, Duration::from_secs(30)).await
}

pub(super) async fn receive_for(
    store: &Store,
    queue: &str,
    max: usize,
    wait: Duration,
    lease: Duration,
) -> Vec<Consumed> {
    store.receive(&name(queue), Ask { max, wait, lease }).await.unwrap()
}

pub(super) async fn settle(store: &Store, queue: &str, one: &Consumed, verb: Verb) -> Settled {
    let settlement = Settlement { receipt: one.receipt.clone(), verb };
    store.settle(&name(queue), vec![settlement]).await.unwrap().remove(0)
}

pub(super) async fn ack(store: &Store, queue: &str, one: &Consumed) {
    assert_eq!(settle(store, queue, one, Verb::Ack).await, Settled::Done);
}

pub(super) async fn stats(store: &Store, queue: &str) -> QueueStats {
    store.stats().await.into_iter().find(|(other, _)| other.as_str() == queue).unwrap().1
}

/// Waits until a condition holds; fails if it does not within two minutes: what a checkpoint took
/// on a disk that stalls, the next one waits three times.
pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Everything that is ready, received until nothing more comes: one answer may hold less than
/// there is.
pub(super) async fn receive_all(store: &Store, queue: &str) -> Vec<Consumed> {
    let mut all = Vec::new();
    loop {
        let some = receive(store, queue, 1000).await;
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// Everything that is in a queue, by number, without settling it.
pub(super) async fn numbers(store: &Store, queue: &str) -> Vec<u64> {
    receive_all(store, queue).await.iter().map(|one| number_of(&one.event)).collect()
}
