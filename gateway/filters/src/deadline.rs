//! How long one call of a guest may run.
//!
//! A guest cannot wait for anything, so what it costs is processor time, and that is what is
//! counted: a worker that the machine did not let run for 10 ms is no fault of its guest. Wall
//! time ends a call too, but only at a multiple of the deadline. The price of reading the
//! thread's clock is paid by calls that see a tick of the epoch, about one in a thousand, and by
//! those of plugins that have been slow.

use std::time::{Duration, Instant};

use crate::ticker::TICK;
use crate::watch::Watch;

/// The deadline of the call that runs now.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    began: Instant,
    /// The thread's processor time when the call began.
    started: Option<Duration>,
    /// How much of what ran since then is a guess.
    guessed: Duration,
    /// Ticks that the guest saw: those that came while it was held back are one.
    ticks: u32,
}

/// The call overran its deadline.
#[derive(Debug, thiserror::Error)]
#[error("ran for longer than its deadline of {} ms", limit.as_millis())]
pub(crate) struct Overrun {
    pub(crate) limit: Duration,
}

impl Deadline {
    /// That of a call which begins with the last look at the watch.
    pub(crate) fn new(limit: Duration, watch: &Watch) -> Self {
        Self {
            limit,
            began: watch.at(),
            started: watch.thread_at(),
            guessed: Duration::ZERO,
            ticks: 0,
        }
    }

    /// Called at each tick that a running guest sees; `used` is the thread's processor time.
    pub(crate) fn tick(&mut self, now: Instant, used: Duration) -> Result<(), Overrun> {
        self.ticks = self.ticks.saturating_add(1);
        // A call that saw no tick before began within the one that ends now, or was held back.
        let started = *self.started.get_or_insert_with(|| {
            self.guessed = now.saturating_duration_since(self.began).min(TICK).min(used);
            used.saturating_sub(self.guessed)
        });
        let wall = TICK.saturating_mul(self.ticks);
        if used.saturating_sub(started) >= self.limit || wall >= self.limit * WALL_FACTOR {
            return Err(Overrun { limit: self.limit });
        }
        Ok(())
    }

    /// How long the thread ran for the call at least, as `used` has it: a call that was held back
    /// until it saw its first tick ran for no time before.
    pub(crate) fn ran(&self, used: Duration) -> Duration {
        let started = self.started.unwrap_or(used) + self.guessed;
        used.saturating_sub(started)
    }
}

/// A call that gets so little of the machine that its wall time is this many deadlines ends.
const WALL_FACTOR: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// At which tick a call ends that begins with the watch, if the thread then runs for `share`
    /// of 1 to 1000 of each millisecond.
    fn ends(watch: &Watch, share: u64, used: Duration) -> u64 {
        let mut deadline = Deadline::new(Duration::from_millis(10), watch);
        let tick = |ms: &u64| {
            let now = watch.at() + Duration::from_millis(*ms);
            deadline.tick(now, used + Duration::from_micros(ms * share)).is_err()
        };
        (1..).find(tick).unwrap()
    }

    #[test]
    fn a_call_ends_when_it_has_run_for_its_deadline() {
        let used = Duration::from_secs(7);
        assert_eq!(ends(&Watch::start(), 1000, used), 10);
        let exact = Watch::start_exact();
        assert_eq!(ends(&exact, 1000, exact.thread_at().unwrap()), 10);
        assert_eq!(ends(&exact, 500, exact.thread_at().unwrap()), 20);
    }

    #[test]
    fn a_call_that_the_machine_held_back_has_ten_times_as_long() {
        assert_eq!(ends(&Watch::start(), 0, Duration::from_secs(7)), 100);
    }

    #[test]
    fn what_ran_is_counted_from_the_first_tick() {
        let watch = Watch::start();
        let mut deadline = Deadline::new(Duration::from_millis(10), &watch);
        assert_eq!(deadline.ran(Duration::from_secs(9)), Duration::ZERO);
        // It was held back for most of a second before it saw the first.
        let now = watch.at() + Duration::from_millis(900);
        deadline.tick(now, Duration::from_secs(7)).unwrap();
        assert_eq!(deadline.ran(Duration::from_secs(7)), Duration::ZERO);
        assert_eq!(deadline.ran(Duration::from_secs(9)), Duration::from_secs(2));
    }
}
