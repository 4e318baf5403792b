//! The desk: where producers lay down work, and the writer picks up all of it at once.
//!
//! What is laid down is sealed here, on the thread of its producer, if the folder is encrypted:
//! nothing comes to the log by another way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Uncommitted;
use tokio::sync::watch;

use super::work::{CommitWork, Work};
use crate::seal::Sealer;

/// The desk.
pub(crate) struct Desk {
    pile: Mutex<Pile>,
    sealer: Sealer,
    work_came: Condvar,
    /// Why nothing is taken any more, once that is for good.
    failure: watch::Sender<Option<&'static str>>,
    in_flight_bytes: AtomicUsize,
    in_flight_bytes_max: usize,
}

struct Pile {
    works: Vec<Work>,
    standing: Standing,
    /// The writer sleeps: only then is it woken.
    writer_sleeps: bool,
}

/// Whether the store takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    /// What lies on the desk is still done, nothing new is taken.
    Stopping,
    /// A write or flush failed.
    Poisoned(&'static str),
}

/// Why work is not taken.
enum NotLaid {
    Stopping,
    Poisoned(&'static str),
    /// What the filters of a commit read has changed.
    Conflict,
}

impl Desk {
    pub(crate) fn new(in_flight_bytes_max: usize, sealer: Sealer) -> Self {
        let pile = Pile { works: Vec::new(), standing: Standing::Open, writer_sleeps: false };
        Self {
            pile: Mutex::new(pile),
            sealer,
            work_came: Condvar::new(),
            failure: watch::Sender::new(None),
            in_flight_bytes: AtomicUsize::new(0),
            in_flight_bytes_max,
        }
    }

    /// Lays down a commit, unless too much is on its way, or what its filters read has changed;
    /// then it is given back.
    pub(crate) fn lay_commit(&self, mut work: Work) -> Result<(), Box<(Uncommitted, Work)>> {
        work.frame_mut().into_iter().for_each(|frame| self.sealer.seal(frame));
        let bytes = work.frame().len();
        let before = self.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
        // One commit alone always fits: a bound under its size must not refuse it for ever.
        if before > 0 && before + bytes > self.in_flight_bytes_max {
            self.done(bytes);
            let what = "commits in flight";
            let refusal = Refusal::Overloaded { what, retry_after: OVERLOAD_RETRY_AFTER };
            return Err(Box::new((refusal.into(), work)));
        }
        self.lay(work).map_err(|refused| {
            self.done(bytes);
            let (why, work) = *refused;
            let why = match why {
                NotLaid::Conflict => Uncommitted::Conflict,
                NotLaid::Poisoned(what) => Refusal::StoreUnavailable { what }.into(),
                NotLaid::Stopping => Refusal::Stopping.into(),
            };
            Box::new((why, work))
        })
    }

    /// Lays down changes of a queue. They are not bounded here: leases bound them.
    pub(crate) fn lay_changes(&self, mut work: Work) {
        work.frame_mut().into_iter().for_each(|frame| self.sealer.seal(frame));
        self.in_flight_bytes.fetch_add(work.frame().len(), Ordering::Relaxed);
        if let Err(refused) = self.lay(work) {
            let (why, work) = *refused;
            self.done(work.frame().len());
            work.refuse(match why {
                NotLaid::Poisoned(what) => what,
                NotLaid::Stopping | NotLaid::Conflict => "the gateway is stopping",
            });
        }
    }

    /// Picks up all that lies there; sleeps for at most `patience` if there is nothing.
    pub(crate) fn pick_up(&self, works: &mut Vec<Work>, patience: Duration) -> Standing {
        let mut pile = self.lock();
        if pile.works.is_empty() && pile.standing == Standing::Open {
            pile.writer_sleeps = true;
            let waited = self.work_came.wait_timeout(pile, patience);
            pile = waited.unwrap_or_else(PoisonError::into_inner).0;
            pile.writer_sleeps = false;
        }
        std::mem::swap(&mut pile.works, works);
        pile.standing
    }

    /// Seals what is written beside the log, if the folder is encrypted.
    pub(crate) fn seal(&self, frame: &mut Vec<u8>) {
        self.sealer.seal(frame);
    }

    /// So many bytes are no longer on their way.
    pub(crate) fn done(&self, bytes: usize) {
        self.in_flight_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes no more work.
    pub(crate) fn stop(&self) {
        let mut pile = self.lock();
        if pile.standing == Standing::Open {
            pile.standing = Standing::Stopping;
        }
        self.work_came.notify_one();
    }

    /// Takes no more work, and refuses what lies there.
    pub(crate) fn poison(&self, what: &'static str) {
        let works = {
            let mut pile = self.lock();
            if matches!(pile.standing, Standing::Poisoned(_)) {
                // What came first is the cause.
                return;
            }
            pile.standing = Standing::Poisoned(what);
            std::mem::take(&mut pile.works)
        };
        self.work_came.notify_one();
        for work in works {
            self.done(work.frame().len());
            work.refuse(what);
        }
        self.failure.send_replace(Some(what));
    }

    /// As long as this is held, a panic of the thread that holds it poisons the desk: without that
    /// thread, or that task, nobody may believe that the store goes on.
    pub(crate) fn fails_with(self: &Arc<Self>, what: &'static str) -> FailsWith {
        FailsWith { desk: Arc::clone(self), what }
    }

    /// Tells when the desk is poisoned, and why.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<&'static str>> {
        self.failure.subscribe()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.lock().standing
    }

    fn lay(&self, mut work: Work) -> Result<(), Box<(NotLaid, Work)>> {
        let mut pile = self.lock();
        match pile.standing {
            Standing::Open => {}
            Standing::Stopping => return Err(Box::new((NotLaid::Stopping, work))),
            Standing::Poisoned(what) => return Err(Box::new((NotLaid::Poisoned(what), work))),
        }
        // With the pile locked: the order in which state is claimed is that of the log.
        if let Work::Commit(CommitWork { claim: Some(claim), .. }) = &mut work
            && claim.stage().is_err()
        {
            return Err(Box::new((NotLaid::Conflict, work)));
        }
        pile.works.push(work);
        let wake = std::mem::take(&mut pile.writer_sleeps);
        drop(pile);
        if wake {
            self.work_came.notify_one();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Pile> {
        // No code panics with the lock held; if one did, the pile is whole all the same.
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Poisons the desk if its thread panics.
pub(crate) struct FailsWith {
    desk: Arc<Desk>,
    what: &'static str,
}

impl Drop for FailsWith {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(what = self.what, "store is poisoned: nothing is committed any more");
            self.desk.poison(self.what);
        }
    }
}

const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);
