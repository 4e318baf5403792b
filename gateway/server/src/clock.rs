//! The one file that asks what time it is, and the one that rolls dice.
//!
//! Wall time never runs backwards here: after the machine's clock is set back, the gateway's
//! stands still until it is caught up, so that events keep their order.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::{Clock, Timestamp};

/// The machine's wall clock, held so that it never runs backwards.
#[must_use]
pub fn wall_clock() -> Clock {
    let latest = AtomicU64::new(0);
    Clock::new(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let earlier = latest.fetch_max(now, Ordering::Relaxed);
        Timestamp::from_unix_ns(now.max(earlier))
    })
}

/// Random bits, seeded by the operating system. Good for ids and jitter, not for keys.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Dice with a seed of the operating system's.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(RandomState::new().build_hasher().finish()))
    }

    /// The next random number (SplitMix64 over a shared counter).
    #[must_use]
    pub fn roll(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}

/// Stamps arrivals: the time, and an id that no other arrival has.
#[derive(Debug)]
pub struct Stamp {
    clock: Clock,
    dice: Dice,
}

impl Stamp {
    /// A stamp by this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, dice: Dice::new() }
    }

    /// The arrival of a delivery that is complete now.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        let at = self.clock.now();
        Arrival { id: EventId::new(at, self.dice.roll()), at }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_time_does_not_run_backwards() {
        let stamp = Stamp::new(wall_clock());
        let arrivals: Vec<_> = (0..10_000).map(|_| stamp.arrival()).collect();
        let ids: HashSet<_> = arrivals.iter().map(|a| a.id).collect();
        assert_eq!(ids.len(), arrivals.len());
        assert!(arrivals.is_sorted_by_key(|a| a.at));
    }
}
