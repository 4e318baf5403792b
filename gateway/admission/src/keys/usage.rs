//! Which key matched how often, and when last. Counted on the way of every event: two relaxed
//! atomics, no lock.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_core::ids::{KeyId, SourceName};
use sluicegate_core::time::Timestamp;

/// The use of one key, as it is kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The source.
    pub source: SourceName,
    /// The key.
    pub key: KeyId,
    /// Since when the gateway has had the key.
    pub known_since: Timestamp,
    /// How many deliveries it has proven.
    pub matched: u64,
    /// The arrival of the last of them; `None`: none yet.
    pub last_used: Option<Timestamp>,
}

/// A key of a source, with its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Its use.
    pub used: KeyUse,
    /// Live from this moment on.
    pub not_before: Option<Timestamp>,
    /// Live until just before this moment.
    pub not_after: Option<Timestamp>,
}

/// The counts of one key.
#[derive(Debug, Default)]
pub(super) struct Meter {
    known_since_ms: AtomicU64,
    matched: AtomicU64,
    /// 0: never.
    last_ms: AtomicU64,
}

impl Meter {
    /// Counts a delivery that the key has proven.
    pub(super) fn count(&self, at: Timestamp) {
        self.matched.fetch_add(1, Ordering::Relaxed);
        // The line is not in order of arrival; and who writes this line least writes it cheapest.
        if self.last_ms.load(Ordering::Relaxed) < at.unix_ms() {
            self.last_ms.fetch_max(at.unix_ms(), Ordering::Relaxed);
        }
    }

    /// Takes up what was known before this start.
    pub(super) fn restore(&self, before: &KeyUse) {
        self.known_since_ms.store(before.known_since.unix_ms(), Ordering::Relaxed);
        self.matched.fetch_add(before.matched, Ordering::Relaxed);
        let last = before.last_used.map_or(0, Timestamp::unix_ms);
        self.last_ms.fetch_max(last, Ordering::Relaxed);
    }

    /// The gateway has the key since now, unless it had it before.
    pub(super) fn meet(&self, now: Timestamp) {
        let ms = now.unix_ms();
        // Whoever set it before knows better.
        let _ = self.known_since_ms.compare_exchange(0, ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn read(&self, source: SourceName, key: KeyId) -> KeyUse {
        let time = |ms: u64| (ms > 0).then(|| Timestamp::from_unix_ms(ms));
        KeyUse {
            source,
            key,
            known_since: Timestamp::from_unix_ms(self.known_since_ms.load(Ordering::Relaxed)),
            matched: self.matched.load(Ordering::Relaxed),
            last_used: time(self.last_ms.load(Ordering::Relaxed)),
        }
    }
}
