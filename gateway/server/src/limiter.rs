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
        self.take_ns(self.step_ns, now)
    }

    /// Takes so many tokens in one step, or none.
    ///
    /// # Errors
    /// How long until there are so many, or that there never will be.
    pub fn take_all(&self, tokens: usize, now: Timestamp) -> Result<(), Short> {
        let needed_ns = self.step_ns.saturating_mul(u64::try_from(tokens).unwrap_or(u64::MAX));
        if needed_ns > self.burst_ns {
            let burst = usize::try_from(self.burst_ns / self.step_ns.max(1)).unwrap_or(usize::MAX);
            return Err(Short::Forever { burst });
        }
        self.take_ns(needed_ns, now).map_err(Short::For)
    }

    fn take_ns(&self, needed_ns: u64, now: Timestamp) -> Result<(), Duration> {
        let now = now.unix_ns();
        let mut full_at = self.full_at_ns.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(needed_ns);
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

/// Why a bucket did not give what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// It will, after this.
    For(Duration),
    /// It never will: it holds fewer.
    Forever {
        /// As many as it holds.
        burst: usize,
    },
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

    #[test]
    fn many_are_taken_all_or_none() {
        let limiter = Limiter::new(Rate { per_second: 10, burst: 5 });
        let start = Timestamp::from_unix_ms(1_000_000);
        assert_eq!(limiter.take_all(3, start), Ok(()));
        assert_eq!(limiter.take_all(3, start), Err(Short::For(Duration::from_millis(100))));
        assert_eq!(limiter.take_all(2, start), Ok(()), "what was refused took nothing");
        let full = start.plus(Duration::from_secs(10));
        assert_eq!(limiter.take_all(6, full), Err(Short::Forever { burst: 5 }));
        assert_eq!(limiter.take_all(5, full), Ok(()));
        assert_eq!(limiter.take_all(0, full), Ok(()));
    }
}
