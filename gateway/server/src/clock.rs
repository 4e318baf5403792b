//! The one file that asks what time it is, and that rolls dice.
//!
//! Two clocks: the *wall* clock is the machine's, set forward and back as it may be; signed
//! timestamps, `deliver_at` and times to live are held against it. The *steady* clock starts with
//! it and then runs by itself, whatever is done to the machine's: leases, delays, rates, the
//! memory of idempotency keys and the order of events are reckoned by it. It stands still while
//! the machine is suspended.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::{Clock, Moment, Timestamp};

/// The machine's clocks.
#[must_use]
pub fn machine_clock() -> Clock {
    clock_of(wall_ns)
}

/// Clocks whose wall is this one. The other starts with it.
fn clock_of(wall_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Clock {
    let (started, start) = (Instant::now(), Timestamp::from_unix_ns(wall_ns()));
    Clock::of_two(move || Timestamp::from_unix_ns(wall_ns()), move || start.plus(started.elapsed()))
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
        let Moment { wall: at, steady } = self.clock.moment();
        Arrival { id: EventId::new(steady, self.dice.roll()), at, steady }
    }

    /// What time it is by the steady clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.steady()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Arc;

    #[test]
    fn a_wall_clock_that_is_set_does_not_move_the_steady_one() {
        const YEAR: u64 = 366 * 24 * 3600 * 1_000_000_000;
        let wall = Arc::new(AtomicU64::new(5 * YEAR));
        let shown = Arc::clone(&wall);
        let clock = clock_of(move || shown.load(Ordering::Relaxed));
        let before = clock.moment();
        for set in [6 * YEAR, 4 * YEAR, 0] {
            wall.store(set, Ordering::Relaxed);
            let now = clock.moment();
            assert_eq!(now.wall.unix_ns(), set);
            let passed = now.steady.unix_ns().checked_sub(before.steady.unix_ns()).unwrap();
            assert!(passed < YEAR, "{passed} ns");
        }
    }

    #[test]
    fn ids_differ_and_the_steady_clock_does_not_run_backwards() {
        let stamp = Stamp::new(machine_clock());
        let arrivals: Vec<_> = (0..10_000).map(|_| stamp.arrival()).collect();
        let ids: HashSet<_> = arrivals.iter().map(|a| a.id).collect();
        assert_eq!(ids.len(), arrivals.len());
        assert!(arrivals.is_sorted_by_key(|a| a.steady));
    }
}
