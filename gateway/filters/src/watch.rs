//! The clock of one question to a plugin. It is looked at when the question is put and when each
//! call ends, and nowhere else: a look costs a twentieth of a small call.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A watch that runs since a question was put.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Instant,
    at: Instant,
    /// What the thread ran since then.
    ran: Duration,
    /// The thread's own clock at the last look, where it is looked at too.
    thread: Option<Duration>,
}

impl Watch {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let began = Instant::now();
        Self { began, at: began, ran: Duration::ZERO, thread: None }
    }

    /// Starts one that looks at the thread's own clock too, which costs five times as much.
    pub(crate) fn start_exact() -> Self {
        Self { thread: Some(thread_time()), ..Self::start() }
    }

    /// The last look.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// The thread's own clock at the last look, if it was looked at.
    pub(crate) fn thread_at(&self) -> Option<Duration> {
        self.thread
    }

    /// Looks again; gives the time since the look before. `ran` is asked how much of it the thread
    /// ran if that may matter: what took no time does not. `None`: all of it, as far as is known.
    pub(crate) fn lap(&mut self, ran: impl FnOnce() -> Option<Duration>) -> Duration {
        let before = std::mem::replace(&mut self.at, Instant::now());
        let took = self.at.saturating_duration_since(before);
        let ran = match self.thread {
            Some(before) => {
                let now = thread_time();
                self.thread = Some(now);
                Some(now.saturating_sub(before))
            }
            None if took < SHORT => None,
            None => ran(),
        };
        self.ran += ran.map_or(took, |ran| ran.min(took));
        took
    }

    /// From the start to the last look, by the clock on the wall.
    pub(crate) fn took(&self) -> Duration {
        self.at.saturating_duration_since(self.began)
    }

    /// What the thread ran from the start to the last look.
    pub(crate) fn ran(&self) -> Duration {
        self.ran
    }
}

/// Processor time of this thread.
pub(crate) fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A thread that did not run for less than this does not matter to anyone.
const SHORT: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_counts_with_what_the_thread_ran_of_it() {
        let mut watch = Watch::start();
        watch.at -= Duration::from_millis(50);
        watch.began = watch.at;
        let took = watch.lap(|| Some(Duration::from_millis(2)));
        assert!(took >= Duration::from_millis(50) && watch.took() == took);
        assert_eq!(watch.ran(), Duration::from_millis(2));
        watch.at -= Duration::from_millis(10);
        let took = watch.lap(|| None);
        assert_eq!(watch.ran(), Duration::from_millis(2) + took, "not known: as if it had run");
    }

    #[test]
    fn an_exact_watch_knows_what_the_thread_ran() {
        let mut watch = Watch::start_exact();
        watch.at -= Duration::from_secs(3600);
        assert!(watch.lap(|| panic!("nobody needs to be asked")) >= Duration::from_secs(3600));
        assert!(watch.ran() < Duration::from_secs(60) && watch.thread_at().is_some());
    }
}
