//! One timer per connection, moved only when it must fire earlier.
//!
//! A keep-alive connection waits twice per request. Registering a timer for each wait would take
//! the lock of the timer wheel each time; this one is registered again only when it has fired, or
//! when a deadline comes before the one it is armed for.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

/// The timer of one connection.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    armed: Instant,
}

impl Timer {
    pub(crate) fn new(first: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(first)), armed: first }
    }

    /// What `work` gives, if it gives it before the deadline.
    pub(crate) async fn within<T>(
        &mut self,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Late> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_late(deadline, cx).map(Err),
        })
        .await
    }

    fn poll_late(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<Late> {
        if deadline < self.armed {
            self.arm(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.armed >= deadline {
                return Poll::Ready(Late);
            }
            self.arm(deadline);
        }
        Poll::Pending
    }

    fn arm(&mut self, deadline: Instant) {
        self.sleep.as_mut().reset(deadline);
        self.armed = deadline;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn deadlines_hold_whether_they_move_forth_or_back() {
        let start = Instant::now();
        let mut timer = Timer::new(start + Duration::from_secs(5));
        for seconds in [75, 10, 10, 200] {
            // Leaves the timer armed for later than what comes next.
            let far = Instant::now() + Duration::from_secs(1000);
            let work = tokio::time::sleep(Duration::from_secs(50));
            assert_eq!(timer.within(far, work).await, Ok(()));
            let deadline = Instant::now() + Duration::from_secs(seconds);
            assert_eq!(timer.within(deadline, ready(seconds)).await, Ok(seconds));
            assert_eq!(timer.within(deadline, pending::<()>()).await, Err(Late));
            let late = Instant::now() - deadline;
            assert!(late < Duration::from_millis(5), "{late:?}");
        }
    }
}
