//! Checkpoints of queues that hold much: what one held event costs, and that a million are saved
//! and read back in bounded time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_core::letter::Failure;
use sluicegate_core::queue::{Held, Item, Place, QueueNumber, QueueState, Snapshot, Terms};
use sluicegate_core::time::{Moment, Timestamp};

use crate::format::checkpoint::{self, Checkpoint, Marked};
use crate::recovery::KEEP;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_000_000_000);

/// A queue in which so many events wait, each for its own time.
fn delayed(count: u64) -> Snapshot {
    let held = (0..count).map(|number| {
        // About fifty thousand events to a segment.
        let position = ((1 + number / 50_000) << 32) | ((number % 50_000) * 1_200);
        let until = NOW.plus(Duration::from_millis(1 + number));
        let terms = Terms { deliver_at: Some(until), ..Terms::default() };
        let item = Item { terms, ..Item::fresh(Place { position, part: 0 }, NOW, 1_000) };
        Held { item, until: Some(until), failures: Vec::new() }
    });
    let held: Vec<Held> = held.collect();
    let newest = held.last().unwrap().item.id;
    Snapshot { lanes: Vec::new(), held, bytes: count * 1_000, newest, at: NOW }
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let frame = checkpoint::encode_snapshot(snapshot);
    checkpoint::encode(9, vec![Marked { queue: QueueNumber(0), mark: 9, frame }], vec![]).unwrap()
}

fn decode(bytes: &[u8]) -> Checkpoint {
    checkpoint::decode(bytes, |_, body| Ok(Some(body.to_vec()))).unwrap().unwrap()
}

#[test]
fn a_million_delayed_events_are_saved_and_recovered_in_bounded_time() {
    let snapshot = delayed(1_000_000);
    let start = Instant::now();
    let bytes = encode(&snapshot);
    assert!(bytes.len() < 60_000_000, "{} bytes", bytes.len());
    let now = Moment { wall: NOW, steady: Timestamp::from_unix_ms(5) };
    let (_, _, found) = decode(&bytes).queues.pop().unwrap();
    let state = QueueState::from_snapshot(KEEP, found, now);
    assert_eq!((state.stats(now).depth, state.stats(now).delayed), (1_000_000, 1_000_000));
    // Without optimization it takes five seconds, and a loaded machine has its share.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_reason_that_many_events_share_is_written_once() {
    let mut snapshot = delayed(10_000);
    let before = encode(&snapshot).len();
    let why: Arc<str> = "the receiver cannot be reached ".repeat(30).into();
    for (held, attempt) in snapshot.held.iter_mut().zip(1..) {
        let failure = |attempt| Failure { at: NOW, attempt, why: Arc::clone(&why) };
        held.failures = vec![failure(attempt), failure(attempt + 1)];
    }
    let bytes = encode(&snapshot);
    let each = (bytes.len() - before) / 20_000;
    assert!(each < 16, "{each} bytes for a failure, and the text alone has {}", why.len());
    let (_, _, found) = decode(&bytes).queues.pop().unwrap();
    assert_eq!(found, snapshot);
    let shared = |held: &Held| Arc::ptr_eq(&held.failures[1].why, &found.held[0].failures[0].why);
    assert!(found.held.iter().all(shared), "and is in memory once");
}
