//! Which idempotency keys were seen, and the id of the first event of each.
//!
//! A ring of 32 bytes a key in the order of the log, and an index of 4 bytes a key into it. The
//! time of a key is the time in its event's id. Owned by the writer: two deliveries of one key in
//! one batch are decided here, one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashTable;
use siphasher::sip128::{Hasher128, SipHasher13};
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;
use std::hash::Hasher;

/// A key with its source, hashed with the folder's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash(pub(crate) [u8; 16]);

impl KeyHash {
    pub(crate) fn new(folder_key: &[u8; 16], source: &str, key: &str) -> Self {
        let mut hasher = SipHasher13::new_with_key(folder_key);
        hasher.write(source.as_bytes());
        // No name holds a zero byte, so ("a", "b") and ("ab", "") stay apart.
        hasher.write_u8(0);
        hasher.write(key.as_bytes());
        Self(hasher.finish128().as_bytes())
    }

    fn short(self) -> u64 {
        u64::from_le_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }
}

/// The keys that are remembered.
#[derive(Debug)]
pub(crate) struct Keys {
    window: Duration,
    keys_max: usize,
    ring: VecDeque<(KeyHash, EventId)>,
    /// How many keys have left the ring: the number of the key in front.
    first: u64,
    /// How many of them were not too old, but too many.
    evicted: u64,
    /// The low half of the number of each key's newest place in the ring.
    index: HashTable<u32>,
}

impl Keys {
    pub(crate) fn new(window: Duration, keys_max: usize) -> Self {
        let keys_max = keys_max.min(u32::MAX as usize / 2);
        let index = HashTable::new();
        Self { window, keys_max, ring: VecDeque::new(), first: 0, evicted: 0, index }
    }

    /// The first event of this key, if it is remembered at `now`.
    pub(crate) fn find(&self, key: KeyHash, now: Timestamp) -> Option<EventId> {
        let found = self.index.find(key.short(), |number| {
            self.ring.get(self.slot(*number)).is_some_and(|(known, _)| *known == key)
        })?;
        let (_, id) = self.ring.get(self.slot(*found))?;
        (now.since(time_of(*id)) < self.window).then_some(*id)
    }

    /// Remembers a key, and forgets those that are too old or too many.
    pub(crate) fn insert(&mut self, key: KeyHash, id: EventId, now: Timestamp) {
        self.forget(now);
        if self.keys_max == 0 {
            return;
        }
        while self.ring.len() >= self.keys_max {
            self.forget_one();
            self.evicted += 1;
        }
        let number = self.next() as u32;
        let (ring, first) = (&self.ring, self.first);
        let known = |number: &u32| {
            let slot = number.wrapping_sub(first as u32) as usize;
            ring.get(slot).is_some_and(|(known, _)| *known == key)
        };
        let hash_of = |number: &u32| {
            let slot = number.wrapping_sub(first as u32) as usize;
            ring.get(slot).map_or(0, |(key, _)| key.short())
        };
        match self.index.find_mut(key.short(), known) {
            Some(newest) => *newest = number,
            None => {
                self.index.insert_unique(key.short(), number, hash_of);
            }
        }
        self.ring.push_back((key, id));
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> u64 {
        self.ring.len() as u64
    }

    /// How many keys were forgotten because there were too many, before their window was over.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The number of the oldest key that is remembered.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next key will have.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// The keys with these numbers that are still remembered.
    pub(crate) fn range(
        &self,
        numbers: std::ops::Range<u64>,
    ) -> impl Iterator<Item = (KeyHash, EventId)> + '_ {
        let from = usize::try_from(numbers.start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let to = usize::try_from(numbers.end.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.ring.iter().skip(from).take(to.saturating_sub(from)).copied()
    }

    /// Forgets what is older than the window.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.ring.front() {
            if now.since(time_of(*id)) < self.window {
                break;
            }
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        let number = self.first as u32;
        let Some((key, _)) = self.ring.pop_front() else { return };
        self.first += 1;
        // A key that came again after it had expired points to its newer place: that stays.
        if let Ok(entry) = self.index.find_entry(key.short(), |other| *other == number) {
            entry.remove();
        }
    }

    fn slot(&self, number: u32) -> usize {
        number.wrapping_sub(self.first as u32) as usize
    }
}

/// When the event was received: the first six bytes of its id (RFC 9562 section 5.7).
pub(crate) fn time_of(id: EventId) -> Timestamp {
    let [a, b, c, d, e, f, ..] = id.to_bytes();
    Timestamp::from_unix_ms(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}
