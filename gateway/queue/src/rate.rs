//! How many events a second may be committed into a queue: a bucket of tokens in one number, so
//! that producers need no lock.
//!
//! The number is the time at which the bucket is full again. Every event moves it on by the time
//! that one token takes; it may be at most a second ahead (the generic cell rate algorithm).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicegate_core::time::Timestamp;

/// So many a second, and as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Nanoseconds in which a token comes.
    token_ns: u64,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { token_ns: (SECOND_NS / u64::from(per_second.max(1))).max(1) }
    }
}

/// The bucket. `now` is by the steady clock everywhere.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes a token, or says after what time there is one.
    pub(crate) fn take(&self, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let now = now.unix_ns();
        let latest = now.saturating_add(SECOND_NS).saturating_sub(rate.token_ns);
        let take = |full_at: u64| {
            (full_at <= latest).then(|| full_at.max(now).saturating_add(rate.token_ns))
        };
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|full_at| Duration::from_nanos(full_at - latest))
    }

    /// Takes a token that may not be there yet: later ones wait for it.
    pub(crate) fn owe(&self, rate: Rate, now: Timestamp) {
        let owed = |full_at: u64| Some(full_at.max(now.unix_ns()).saturating_add(rate.token_ns));
        // The closure always gives a number.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, owed);
    }

    /// Gives a token back that was taken for nothing.
    pub(crate) fn give_back(&self, rate: Rate) {
        let back = |full_at: u64| Some(full_at.saturating_sub(rate.token_ns));
        // The same.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
    }
}

const SECOND_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_has_more_than_twice_the_rate_and_waiting_as_told_is_enough(
            rate in 1_u32..2_000, steps in proptest::collection::vec(0_u64..20_000_000, 1..400)
        ) {
            let (bucket, per_second) = (Bucket::default(), rate);
            let (rate, mut now) = (Rate::new(rate), Timestamp::from_unix_ms(77_000));
            let mut taken: Vec<Timestamp> = Vec::new();
            for step in steps {
                now = now.plus(Duration::from_nanos(step));
                match bucket.take(rate, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        prop_assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
                        let short = now.plus(wait.saturating_sub(Duration::from_nanos(1)));
                        prop_assert!(bucket.take(rate, short).is_err());
                        now = now.plus(wait);
                        prop_assert_eq!(bucket.take(rate, now), Ok(()));
                        taken.push(now);
                    }
                }
                let lately = |at: &&Timestamp| now.since(**at) < Duration::from_secs(1);
                let count = taken.iter().filter(lately).count();
                prop_assert!(count <= 2 * per_second as usize, "{} in a second", count);
            }
        }
    }

    #[test]
    fn a_full_bucket_has_a_second_of_tokens_and_what_is_given_back_is_there() {
        let (bucket, rate, now) =
            (Bucket::default(), Rate::new(10), Timestamp::from_unix_ms(9_000));
        for _ in 0..10 {
            assert_eq!(bucket.take(rate, now), Ok(()));
        }
        assert_eq!(bucket.take(rate, now), Err(Duration::from_millis(100)));
        bucket.give_back(rate);
        assert_eq!(bucket.take(rate, now), Ok(()));
        bucket.owe(rate, now);
        assert_eq!(bucket.take(rate, now), Err(Duration::from_millis(200)));
    }
}
