//! How long the next checkpoint waits after a large one.

use std::time::{Duration, Instant};

/// The time after a large checkpoint in which no other begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    since: Instant,
    lasts: Duration,
}

impl Rest {
    /// After a checkpoint that began and was done then: at most one part in four of the time goes
    /// to checkpoints. Small ones may follow one another.
    pub(super) fn after(began: Instant, done: Instant) -> Option<Self> {
        let took = done.saturating_duration_since(began);
        let lasts = took.saturating_mul(3).min(REST_MAX);
        (took >= SLOW_CHECKPOINT).then_some(Self { since: done, lasts })
    }

    /// Whether it is over: on a full disk, sooner.
    pub(super) fn is_over(self, now: Instant, full: bool) -> bool {
        let lasts = if full { self.lasts.min(FULL_REST_MAX) } else { self.lasts };
        now.saturating_duration_since(self.since) >= lasts
    }
}

const SLOW_CHECKPOINT: Duration = Duration::from_millis(250);
/// The log that start-up reads must not grow for ever.
const REST_MAX: Duration = Duration::from_secs(60);
/// How long a full disk waits for the next checkpoint at most.
const FULL_REST_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: Duration = Duration::from_secs(1_000);

    /// For how many milliseconds a checkpoint that took so many is followed by none.
    fn rests_ms(took: u64, full: bool) -> u64 {
        let start = Instant::now();
        let done = start + BEGAN + Duration::from_millis(took);
        let Some(rest) = Rest::after(start + BEGAN, done) else { return 0 };
        let is_over = |ms: &u64| rest.is_over(done + Duration::from_millis(*ms), full);
        (0..=60_000).step_by(250).find(is_over).expect("it ends within a minute")
    }

    #[test]
    fn large_checkpoints_leave_three_parts_of_four_to_others_and_small_ones_all() {
        assert_eq!(rests_ms(249, false), 0);
        assert_eq!(rests_ms(250, false), 750);
        assert_eq!(rests_ms(4_000, false), 12_000);
        assert_eq!(rests_ms(1_000_000, false), 60_000);
    }

    #[test]
    fn on_a_full_disk_the_next_checkpoint_comes_within_a_second() {
        assert_eq!(rests_ms(249, true), 0);
        assert_eq!(rests_ms(250, true), 750);
        assert_eq!(rests_ms(4_000, true), 1_000);
        assert_eq!(rests_ms(1_000_000, true), 1_000);
    }
}
