//! The bounded line of events that wait for a worker.
//!
//! A wake-up costs more than a call of a filter, so a worker that is awake takes job after job, and
//! another one is woken only when the line is longer than those awake will soon have worked off.
//! Where that guess is wrong, because a guest runs long, the ticker wakes another within a
//! millisecond.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sluicegate_core::event::Event;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::state::Session;
use tokio::sync::oneshot;

use crate::spec::{Chain, Decided};
use crate::together::Ahead;

/// One event and its chains: all of them are walked by one worker, in one go.
pub(crate) struct Job {
    pub(crate) event: Event,
    pub(crate) chains: Vec<Arc<Chain>>,
    /// What the filters read and write; `None` where no plugin remembers anything.
    pub(crate) session: Option<Session>,
    /// What the first plugin has said already.
    pub(crate) ahead: Option<Ahead>,
    pub(crate) reply: oneshot::Sender<Result<Decided, Refusal>>,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Full,
    Stopping,
}

/// The line.
pub(crate) struct Jobs {
    line: Mutex<Line>,
    wake: Condvar,
    jobs_max: usize,
}

struct Line {
    jobs: VecDeque<Job>,
    awake: usize,
    asleep: usize,
    /// Wake-ups that were sent and have not yet arrived.
    called: usize,
    stopping: bool,
}

impl Jobs {
    /// An empty line; workers come as they start.
    pub(crate) fn new(jobs_max: usize) -> Self {
        let line = Line { jobs: VecDeque::new(), awake: 0, asleep: 0, called: 0, stopping: false };
        Self { line: Mutex::new(line), wake: Condvar::new(), jobs_max }
    }

    /// Puts a job at the end.
    pub(crate) fn push(&self, job: Job) -> Result<(), NotTaken> {
        let mut line = self.lock();
        if line.stopping {
            return Err(NotTaken::Stopping);
        }
        if line.jobs.len() >= self.jobs_max {
            return Err(NotTaken::Full);
        }
        line.jobs.push_back(job);
        let call = line.asleep > 0 && line.jobs.len() > line.awake * JOBS_PER_AWAKE;
        self.call(line, call);
        Ok(())
    }

    /// Takes the job at the front, if there is one.
    pub(crate) fn take(&self) -> Option<Job> {
        self.lock().jobs.pop_front()
    }

    /// Takes up to so many jobs more that are alike, from those that wait in front.
    pub(crate) fn take_alike(&self, count_max: usize, is_alike: impl Fn(&Job) -> bool) -> Vec<Job> {
        if count_max == 0 {
            return Vec::new();
        }
        let mut line = self.lock();
        let seen = line.jobs.len().min(SEEN_MAX);
        let mut alike = Vec::new();
        let mut others = Vec::new();
        for job in line.jobs.drain(..seen) {
            if alike.len() < count_max && is_alike(&job) { &mut alike } else { &mut others }
                .push(job);
        }
        others.into_iter().rev().for_each(|job| line.jobs.push_front(job));
        alike
    }

    /// Puts jobs back to where they were taken from, for any worker to go on with.
    pub(crate) fn put_back(&self, jobs: Vec<Job>) {
        let mut line = self.lock();
        if line.stopping {
            return;
        }
        jobs.into_iter().rev().for_each(|job| line.jobs.push_front(job));
        let call = line.asleep > 0 && line.jobs.len() > line.awake * JOBS_PER_AWAKE;
        self.call(line, call);
    }

    /// A worker has come.
    pub(crate) fn enter(&self) {
        self.lock().awake += 1;
    }

    /// Waits for work; says whether there may be some, or the line is closed.
    pub(crate) fn wait(&self) -> bool {
        let mut line = self.lock();
        if line.stopping || !line.jobs.is_empty() {
            return !line.stopping;
        }
        line.awake -= 1;
        line.asleep += 1;
        while line.called == 0 && !line.stopping {
            line = self.wake.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        if line.stopping {
            return false;
        }
        // The caller has counted this worker as awake.
        line.called -= 1;
        true
    }

    /// Wakes a worker if jobs wait: those awake must be busy with something long.
    pub(crate) fn nudge(&self) {
        let line = self.lock();
        let call = line.asleep > 0 && !line.jobs.is_empty();
        self.call(line, call);
    }

    /// Wakes every worker, so that each looks at what it keeps.
    pub(crate) fn rouse(&self) {
        let mut line = self.lock();
        line.called += line.asleep;
        line.awake += line.asleep;
        line.asleep = 0;
        drop(line);
        self.wake.notify_all();
    }

    /// Closes the line. Jobs in it are dropped, and with them their replies.
    pub(crate) fn stop(&self) {
        let mut line = self.lock();
        line.stopping = true;
        line.jobs.clear();
        drop(line);
        self.wake.notify_all();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    fn call(&self, mut line: MutexGuard<'_, Line>, call: bool) {
        if call {
            line.asleep -= 1;
            line.awake += 1;
            line.called += 1;
            drop(line);
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Nothing that runs under this lock can leave it half changed.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Jobs that a worker that is awake is trusted to work off before another is woken.
const JOBS_PER_AWAKE: usize = 8;

/// Jobs that are looked at for some that are alike.
const SEEN_MAX: usize = 256;
