//! A histogram of durations: exact to 1 %, of a fixed size, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps within each power of two.
const STEPS: u64 = 128;

/// Powers of two above the exact range: the last one ends beyond an hour.
const POWERS: usize = 26;

/// Durations in microseconds, counted.
pub(super) struct Latency {
    counts: Vec<AtomicU64>,
    max_us: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        let count = STEPS as usize * (POWERS + 1);
        Self { counts: (0..count).map(|_| AtomicU64::new(0)).collect(), max_us: AtomicU64::new(0) }
    }
}

impl Latency {
    /// Counts a duration.
    pub(super) fn observe(&self, value: Duration) {
        let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let at = bucket(us).min(self.counts.len() - 1);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// The microseconds that this share of durations (0 to 1) does not exceed.
    pub(super) fn percentile_us(&self, share: f64) -> f64 {
        let counts: Vec<u64> =
            self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = (counts.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        (found.map_or(0, ceiling) as f64).min(self.max_us())
    }

    /// The longest.
    pub(super) fn max_us(&self) -> f64 {
        self.max_us.load(Ordering::Relaxed) as f64
    }
}

/// Which bucket counts so many microseconds.
fn bucket(us: u64) -> usize {
    if us < STEPS {
        return us as usize;
    }
    let power = us.ilog2() - STEPS.ilog2();
    let step = (us >> power) - STEPS;
    // Each power has STEPS buckets of a width of 2^power.
    (STEPS * u64::from(power + 1) + step) as usize
}

/// The greatest value that falls into a bucket.
fn ceiling(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let (power, step) = (bucket / STEPS - 1, bucket % STEPS);
    ((STEPS + step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_a_bucket_that_ends_within_a_hundredth_of_it() {
        for us in (0..100_000).chain((1 << 20)..(1 << 20) + 1000) {
            let end = ceiling(bucket(us));
            assert!(end >= us && end - us <= us / 100, "{us}: {end}");
            assert!(us == 0 || bucket(us - 1) <= bucket(us));
        }
    }

    #[test]
    fn percentiles_and_the_longest_are_given() {
        let latency = Latency::default();
        (1..=100).for_each(|us| latency.observe(Duration::from_micros(us)));
        assert_eq!(latency.percentile_us(0.5), 50.0);
        assert_eq!(latency.percentile_us(0.99), 99.0);
        latency.observe(Duration::from_secs(100_000));
        assert_eq!(latency.max_us(), 1e11);
        assert_eq!(Latency::default().percentile_us(0.99), 0.0);
    }
}
