//! When to try again: exponential backoff with full jitter, as a pure function.

use std::time::Duration;

/// How often and how patiently a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub attempts_max: u32,
    /// The wait after the first failed attempt.
    pub wait_min: Duration,
    /// No wait is longer.
    pub wait_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    /// Twelve attempts, from a second to an hour apart.
    pub const DEFAULT: Self = Self {
        attempts_max: 12,
        wait_min: Duration::from_secs(1),
        wait_max: Duration::from_secs(60 * 60),
    };

    /// The wait after failed attempt number `attempt` (from 1): between half of and all of
    /// `wait_min * 2^(attempt-1)`, capped at `wait_max`. `random` picks the point in between, so
    /// that a thousand events that failed together do not come back together.
    #[must_use]
    pub fn wait(&self, attempt: u32, random: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(40);
        let full = self.wait_min.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        let full = full.min(self.wait_max);
        let half_ns = u64::try_from(full.as_nanos() / 2).unwrap_or(u64::MAX);
        let jitter = if half_ns == 0 { 0 } else { random % half_ns.saturating_add(1) };
        full.saturating_sub(Duration::from_nanos(jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_stay_between_half_and_all_of_the_doubled_minimum(
            attempt in 1_u32..200, random: u64, min_ms in 0_u64..10_000, max_ms in 0_u64..10_000_000
        ) {
            let policy = RetryPolicy {
                attempts_max: 1,
                wait_min: Duration::from_millis(min_ms),
                wait_max: Duration::from_millis(max_ms),
            };
            let full = min_ms.saturating_mul(1 << (attempt - 1).min(31)).min(max_ms);
            let wait = policy.wait(attempt, random);
            prop_assert!(wait <= Duration::from_millis(full));
            prop_assert!(wait >= Duration::from_millis(full) / 2);
        }
    }
}
