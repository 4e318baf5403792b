//! How fast the senders of a source may be: a token bucket, without a timer.
//!
//! Kept as the one time at which the bucket would be full again (GCRA): a single atomic number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicegate_core::time::Timestamp;

/// A rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Events per second over time; at least 1.
    pub per_second: u32,
    /// Events at once; at least 1.
    pub burst: u32,
}

/// A token bucket.
#[derive(Debug)]
pub struct Limiter {
    step_ns: u64,
    burst_ns: u64,
    full_at_ns: AtomicU64,
}

impl Limiter {
    /// A full bucket of this rate.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let step_ns = 1_000_000_000 / u64::from(rate.per_second.max(1));
        let burst_ns = step_ns.saturating_mul(u64::from(rate.burst.max(1)));
        Self { step_ns, burst_ns, full_at_ns: AtomicU64::new(0) }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let now = now.unix_ns();
        let mut full_at = self.full_at_ns.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(self.step_ns);
            let ahead = next.saturating_sub(now);
            if ahead > self.burst_ns {
                return Err(Duration::from_nanos(ahead - self.burst_ns));
            }
            match self.full_at_ns.compare_exchange_weak(
                full_at,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(seen) => full_at = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limiter = Limiter::new(Rate { per_second: 10, burst: 3 });
        let start = Timestamp::from_unix_ms(1_000_000);
        for _ in 0..3 {
            assert_eq!(limiter.take(start), Ok(()));
        }
        assert_eq!(limiter.take(start), Err(Duration::from_millis(100)));
        let later = start.plus(Duration::from_millis(100));
        assert_eq!(limiter.take(later), Ok(()));
        assert!(limiter.take(later).is_err());
    }

    #[test]
    fn an_idle_bucket_holds_no_more_than_its_burst() {
        let limiter = Limiter::new(Rate { per_second: 1, burst: 2 });
        let later = Timestamp::from_unix_ms(90_000_000);
        assert_eq!((0..9).filter(|_| limiter.take(later).is_ok()).count(), 2);
    }
}
