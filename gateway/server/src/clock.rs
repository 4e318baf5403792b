//! The one file that asks what time it is, and that rolls dice.
//!
//! Two clocks: the *wall* clock is the machine's, set forward and back as it may be; signed
//! timestamps are judged by it. The *steady* clock starts with it and goes forward when it does,
//! but when the machine's is set back it just runs on: leases, delays, rates and the order of
//! events are reckoned by it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::{Clock, Timestamp};

/// The machine's clock.
#[must_use]
pub fn wall_clock() -> Clock {
    Clock::new(|| Timestamp::from_unix_ns(wall_ns()))
}

/// A clock that runs on when the machine's is set back.
#[must_use]
pub fn steady_clock() -> Clock {
    let started = Instant::now();
    let offset = AtomicU64::new(wall_ns());
    Clock::new(move || {
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let ahead = wall_ns().saturating_sub(elapsed);
        let offset = offset.fetch_max(ahead, Ordering::Relaxed).max(ahead);
        Timestamp::from_unix_ns(offset.saturating_add(elapsed))
    })
}

fn wall_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
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
    wall: Clock,
    steady: Clock,
    dice: Dice,
}

impl Stamp {
    /// A stamp by the machine's clock, and by this steady one.
    #[must_use]
    pub fn new(steady: Clock) -> Self {
        Self { wall: wall_clock(), steady, dice: Dice::new() }
    }

    /// The arrival of a delivery that is complete now.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        let (at, steady) = (self.wall.now(), self.steady.now());
        Arrival { id: EventId::new(steady, self.dice.roll()), at, steady }
    }

    /// What time it is by the steady clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.steady.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_the_steady_clock_does_not_run_backwards() {
        let stamp = Stamp::new(steady_clock());
        let arrivals: Vec<_> = (0..10_000).map(|_| stamp.arrival()).collect();
        let ids: HashSet<_> = arrivals.iter().map(|a| a.id).collect();
        assert_eq!(ids.len(), arrivals.len());
        assert!(arrivals.is_sorted_by_key(|a| a.steady));
    }
}
