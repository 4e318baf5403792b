//! The memory of idempotency keys against a plain map.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

use crate::dedupe::{KeyHash, Keys};

const WINDOW: Duration = Duration::from_millis(50);

fn hash(key: u8) -> KeyHash {
    KeyHash::new(&[1; 16], "source", &key.to_string())
}

proptest! {
    #[test]
    fn a_key_is_known_for_its_window_and_no_longer(
        steps in proptest::collection::vec((0_u8..12, 0_u64..20), 1..300)
    ) {
        let mut keys = Keys::new(WINDOW, 1_000);
        let mut model: HashMap<u8, (EventId, Timestamp)> = HashMap::new();
        let mut now = Timestamp::from_unix_ms(1_000);
        for (number, (key, ms)) in steps.into_iter().enumerate() {
            now = now.plus(Duration::from_millis(ms));
            let known = model.get(&key).filter(|(_, at)| now.since(*at) < WINDOW).map(|(id, _)| *id);
            prop_assert_eq!(keys.find(hash(key), now), known);
            if known.is_none() {
                let id = EventId::new(now, number as u64);
                keys.insert(hash(key), id, now);
                model.insert(key, (id, now));
            }
        }
    }
}

#[test]
fn the_oldest_key_is_forgotten_when_there_are_too_many() {
    let mut keys = Keys::new(WINDOW, 3);
    let now = Timestamp::from_unix_ms(1_000);
    for key in 0..5 {
        keys.insert(hash(key), EventId::new(now, u64::from(key)), now);
    }
    let known: Vec<u8> = (0..5).filter(|key| keys.find(hash(*key), now).is_some()).collect();
    assert_eq!(known, [2, 3, 4]);
    assert_eq!((keys.first(), keys.next()), (2, 5));
}

#[test]
fn a_key_belongs_to_its_source() {
    let folder = [3; 16];
    assert_ne!(KeyHash::new(&folder, "ab", "c"), KeyHash::new(&folder, "a", "bc"));
    assert_ne!(KeyHash::new(&folder, "a", "c"), KeyHash::new(&[4; 16], "a", "c"));
}
