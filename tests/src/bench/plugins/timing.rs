//! Two ways to time calls: in batches, so that the clock costs nothing, and one by one.

use std::time::{Duration, Instant};

use crate::bench::figures::median;

/// Nanoseconds of one call: the median of so many batches of [`BATCH`] calls, after one more to
/// warm up. A batch that something interrupted does not move it.
pub(super) fn batched(
    batches: usize,
    mut call: impl FnMut() -> Result<(), String>,
) -> Result<f64, String> {
    let mut each = Vec::with_capacity(batches);
    for batch in 0..=batches {
        let began = Instant::now();
        for _ in 0..BATCH {
            call()?;
        }
        if batch > 0 {
            each.push(began.elapsed().as_nanos() as f64 / BATCH as f64);
        }
    }
    Ok(median(each))
}

/// The sorted times of so many calls, or as many as `at_most` gives time for; a hundredth of them
/// before, to warm up.
pub(super) fn single(
    calls: usize,
    at_most: Duration,
    mut call: impl FnMut() -> Result<(), String>,
) -> Result<Vec<Duration>, String> {
    for _ in 0..calls / 100 + 1 {
        call()?;
    }
    let mut times = Vec::with_capacity(calls);
    let start = Instant::now();
    while times.len() < calls && (start.elapsed() < at_most || times.len() < SINGLE_MIN) {
        let began = Instant::now();
        call()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// The time that this share of calls (0 to 1) does not exceed.
pub(super) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.max(1) - 1).copied().unwrap_or_default()
}

/// A duration in nanoseconds.
pub(super) fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// A duration in microseconds.
pub(super) fn us(duration: Duration) -> f64 {
    ns(duration) / 1e3
}

/// A duration in milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    ns(duration) / 1e6
}

/// Calls between two looks at the clock.
pub(super) const BATCH: usize = 100;

/// Fewer calls make no percentiles.
const SINGLE_MIN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let times: Vec<_> = (1..=100).map(Duration::from_nanos).collect();
        let at = |share| percentile(&times, share).as_nanos();
        assert_eq!((at(0.0), at(0.5), at(0.99), at(1.0)), (1, 50, 99, 100));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn calls_are_counted_and_a_wrong_answer_ends_the_measuring() {
        let mut calls = 0;
        let mut count = || {
            calls += 1;
            Ok(())
        };
        assert!(batched(2, &mut count).unwrap() >= 0.0);
        assert_eq!(single(200, Duration::MAX, &mut count).unwrap().len(), 200);
        assert_eq!(single(200, Duration::ZERO, &mut count).unwrap().len(), SINGLE_MIN);
        assert_eq!(calls, 3 * BATCH + 203 + 3 + SINGLE_MIN);
        let wrong = || Err("wrong".to_owned());
        assert_eq!(batched(1, wrong), Err("wrong".to_owned()));
        assert_eq!(single(1, Duration::MAX, wrong), Err("wrong".to_owned()));
    }
}
