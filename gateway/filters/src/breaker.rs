//! The circuit breaker of a plugin: when a version has failed too often, and when it may be tried
//! again.
//!
//! It looks at a clock only where a call has failed: an answer costs it nothing. What an author
//! says (`failed`) never counts, it is an answer like any other.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When a version of a plugin is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// After so many failures, if at least half of the calls since the first of them failed.
    pub failures: u32,
    /// And if they came within this time.
    pub within: Duration,
    /// Where no version was before it: how long until one event tries it again.
    pub retry: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        let (within, retry) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { failures: 10, within, retry }
    }
}

/// The last failures of a version: when each was, and how many calls there had been.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<VecDeque<(Instant, u64)>>);

impl Failures {
    /// Notes a failure; `calls` counts the call that failed too. Says whether it was one too many.
    pub(crate) fn note(&self, breaker: &Breaker, now: Instant, calls: u64) -> bool {
        // Poisoned only by a panic in this file; then the version is never taken out.
        let Ok(mut last) = self.0.lock() else { return false };
        let count = breaker.failures.max(1) as usize;
        while last.len() >= count {
            last.pop_front();
        }
        last.push_back((now, calls));
        let Some((first, calls_then)) = last.front().copied() else { return false };
        let calls = calls.saturating_sub(calls_then).saturating_add(1);
        last.len() == count
            && now.saturating_duration_since(first) <= breaker.within
            && 2 * last.len() as u64 >= calls
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        if let Ok(mut last) = self.0.lock() {
            last.clear();
        }
    }
}

/// When a version with an open circuit is tried again: one event in each period.
#[derive(Debug)]
pub(crate) struct Probe {
    opened: Instant,
    every: Duration,
    /// The next probe, in milliseconds after `opened`.
    next_ms: AtomicU64,
}

impl Probe {
    pub(crate) fn new(opened: Instant, every: Duration) -> Self {
        let every = every.max(Duration::from_millis(1));
        Self { opened, every, next_ms: AtomicU64::new(ms(every)) }
    }

    /// The same once more, from now on.
    pub(crate) fn again(&self, now: Instant) -> Self {
        Self::new(now, self.every)
    }

    /// Whether the event that asks is the one that tries. A probe that is lost on its way (a
    /// refusal, a panic) costs a period, not the circuit.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let now = ms(now.saturating_duration_since(self.opened));
        let due = self.next_ms.load(Ordering::Relaxed);
        let next = now.saturating_add(ms(self.every));
        let take = || {
            self.next_ms.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        now >= due && take()
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKER: Breaker =
        Breaker { failures: 3, within: Duration::from_secs(10), retry: Duration::from_secs(30) };

    /// Whether each of these failures (second, calls until then) was one too many.
    fn judged(failures: &[(u64, u64)]) -> Vec<bool> {
        let (noted, start) = (Failures::default(), Instant::now());
        let note = |(at, calls): &(u64, u64)| {
            noted.note(&BREAKER, start + Duration::from_secs(*at), *calls)
        };
        failures.iter().map(note).collect()
    }

    #[test]
    fn enough_failures_in_time_that_are_half_of_the_calls_are_too_many() {
        assert_eq!(judged(&[(0, 1), (0, 2), (0, 3)]), [false, false, true]);
        assert_eq!(judged(&[(0, 1), (5, 4), (10, 6)]), [false, false, true], "three of six");
        assert_eq!(judged(&[(0, 1), (5, 4), (10, 7)]), [false; 3], "three of seven");
        assert_eq!(judged(&[(0, 1), (5, 2), (11, 3)]), [false; 3], "too slowly");
        let later = judged(&[(0, 1), (60, 1000), (61, 1001), (62, 1002)]);
        assert_eq!(later, [false, false, false, true], "what was long ago does not count");
    }

    #[test]
    fn failures_that_were_forgotten_do_not_count() {
        let (noted, now) = (Failures::default(), Instant::now());
        assert!(!noted.note(&BREAKER, now, 1) && !noted.note(&BREAKER, now, 2));
        noted.clear();
        assert!(!noted.note(&BREAKER, now, 3));
    }

    #[test]
    fn one_event_in_each_period_tries_again() {
        let opened = Instant::now();
        let probe = Probe::new(opened, Duration::from_secs(30));
        let tries =
            |at: u64| (0..5).filter(|_| probe.is_due(opened + Duration::from_secs(at))).count();
        assert_eq!([29, 30, 31, 59, 60, 300].map(tries), [0, 1, 0, 0, 1, 1]);
    }
}
