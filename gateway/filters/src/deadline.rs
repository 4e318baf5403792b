//! How long one call of a guest may run.
//!
//! A guest cannot wait for anything, so what it costs is processor time, and that is what is
//! counted: a worker that the machine did not let run for 10 ms is no fault of its guest. Wall
//! time ends a call too, but only at a multiple of the deadline. The price of reading the
//! thread's clock is paid only by calls that see a tick of the epoch: about one in a thousand.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::ticker::TICK;

/// The deadline of the call that runs now.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    started: Option<Duration>,
    ticks: u32,
}

/// The call overran its deadline.
#[derive(Debug, thiserror::Error)]
#[error("ran for longer than its deadline of {} ms", limit.as_millis())]
pub(crate) struct Overrun {
    pub(crate) limit: Duration,
}

impl Deadline {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, started: None, ticks: 0 }
    }

    /// Called at each tick that a running guest sees; `used` is the thread's processor time.
    pub(crate) fn tick(&mut self, used: Duration) -> Result<(), Overrun> {
        self.ticks = self.ticks.saturating_add(1);
        // The call began somewhere within the tick that ends now.
        let started = *self.started.get_or_insert(used.saturating_sub(TICK / 2));
        let wall = TICK.saturating_mul(self.ticks);
        if used.saturating_sub(started) >= self.limit || wall >= self.limit * WALL_FACTOR {
            return Err(Overrun { limit: self.limit });
        }
        Ok(())
    }
}

/// Processor time of this thread.
pub(crate) fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A call that gets so little of the machine that its wall time is this many deadlines ends.
const WALL_FACTOR: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_when_it_has_run_for_its_deadline() {
        let mut deadline = Deadline::new(Duration::from_millis(10));
        let ended = (1..).find(|ms| deadline.tick(Duration::from_millis(100 + ms)).is_err());
        assert_eq!(ended, Some(11), "the first tick counts as half");
    }

    #[test]
    fn a_call_that_the_machine_held_back_has_ten_times_as_long() {
        let mut deadline = Deadline::new(Duration::from_millis(10));
        let ended = (1..).find(|_| deadline.tick(Duration::from_millis(5)).is_err());
        assert_eq!(ended, Some(100));
    }
}
