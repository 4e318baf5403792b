//! The depot: makes the next segment while the last one is written to, and cuts sealed ones, so
//! that the writer only flushes the old one and takes the new one.
//!
//! A thread works in it ([`spawn`]). Without one, whoever needs a segment does the work himself,
//! in the same order: so tests drive it step by step.
//!
//! On a full disk no segment is made ahead. Commits are then refused, settlements use what is left
//! of the segment, and after it a small one made from the ballast. Every second the depot looks
//! whether there is space again: the ballast comes first, then the next segment.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::room::{LogFault, Use};
use super::shelf::{Done, Job, Shelf, Standing};
use super::yard::{Prepared, Yard};
use crate::disk::{Disk, DiskFile};

/// Segments that are ready before they are needed.
pub(crate) struct Depot {
    yard: Yard,
    shelf: Mutex<Shelf>,
    changed: Condvar,
    /// Somebody waits for the segment that is being made: it is good enough as it is.
    hurry: AtomicBool,
}

impl Depot {
    /// A depot whose first segment has this number: no file of it or a later one is there.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        ballast_bytes: u64,
        next: u32,
    ) -> Self {
        let segment_bytes = segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let yard = Yard { disk, segment_bytes, ballast_bytes };
        Self {
            yard,
            shelf: Mutex::new(Shelf::new(next)),
            changed: Condvar::new(),
            hurry: AtomicBool::new(false),
        }
    }

    /// Whether no segment can be made for commits, as far as is known.
    pub(crate) fn full(&self) -> bool {
        self.lock().short
    }

    /// Space may be back: files were deleted.
    pub(crate) fn look_again(&self) {
        self.lock().look_again();
        self.changed.notify_all();
    }

    /// Gives the room of the ballast back to the disk, for what cannot be put off. `false` if
    /// there is none, or it cannot be deleted.
    pub(crate) fn give_up_ballast(&self) -> bool {
        let mut shelf = self.lock();
        shelf.ballast = false;
        if shelf.manned && matches!(shelf.standing, Standing::Open) && shelf.ready.is_none() {
            // The thread makes it again when it looks for space again, not at once.
            shelf.lack(Standing::Full);
        }
        drop(shelf);
        self.yard.give_up_ballast()
    }

    /// Does one piece of work, if there is any.
    pub(crate) fn work(&self) -> bool {
        let Some(job) = self.lock().job() else { return false };
        let done = self.perform(job);
        self.lock().note(done);
        self.changed.notify_all();
        true
    }

    /// Takes the next segment; waits until it is ready. Only a settlement gets a small one.
    pub(super) fn take(&self, usage: Use) -> Result<Prepared, LogFault> {
        let mut shelf = self.ready(usage)?;
        // `ready` answers only when there is one.
        let prepared = shelf.take().ok_or(LogFault::Full)?;
        drop(shelf);
        self.changed.notify_all();
        Ok(prepared)
    }

    /// Waits until the next regular segment is ready: then there is room for commits.
    pub(super) fn wait(&self) -> Result<(), LogFault> {
        self.ready(Use::Commit).map(drop)
    }

    /// Cuts a segment that is flushed and no longer written to, some time.
    pub(super) fn cut(&self, file: Arc<dyn DiskFile>, len: u64) {
        self.lock().sealed.push((file, len));
        self.changed.notify_all();
    }

    /// Ends the depot: cuts what is to be cut, and takes away what was not used.
    pub(super) fn close(&self) {
        self.hurry.store(true, Ordering::Relaxed);
        let (sealed, unused) = {
            let mut shelf = self.lock();
            shelf.closed = true;
            (std::mem::take(&mut shelf.sealed), shelf.ready.take())
        };
        self.changed.notify_all();
        self.perform(Job::Cut(sealed));
        if let Some(unused) = unused {
            self.yard.remove(&unused);
        }
    }

    /// Ends the depot without touching the disk any more.
    pub(super) fn abandon(&self) {
        self.hurry.store(true, Ordering::Relaxed);
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn ready(&self, usage: Use) -> Result<MutexGuard<'_, Shelf>, LogFault> {
        let shelf = self.lock();
        if shelf.ready.is_some() {
            return Ok(shelf);
        }
        self.hurry.store(true, Ordering::Relaxed);
        let ready = self.wait_until_ready(shelf, usage);
        self.hurry.store(false, Ordering::Relaxed);
        ready
    }

    fn wait_until_ready<'d>(
        &'d self,
        mut shelf: MutexGuard<'d, Shelf>,
        usage: Use,
    ) -> Result<MutexGuard<'d, Shelf>, LogFault> {
        loop {
            if shelf.ready.is_some() {
                shelf.small_wanted = false;
                return Ok(shelf);
            }
            match (&shelf.standing, usage) {
                (Standing::Open, _) => {}
                (Standing::Full, Use::Settlement) => shelf.small_wanted = true,
                (Standing::Full | Standing::Exhausted, _) => return Err(LogFault::Full),
                (Standing::Failed(_), _) => return Err(LogFault::Disk(shelf.take_fault())),
            }
            shelf = if shelf.manned {
                self.changed.notify_all();
                self.changed.wait(shelf).unwrap_or_else(PoisonError::into_inner)
            } else {
                drop(shelf);
                self.work();
                self.lock()
            };
        }
    }

    /// Works until the depot is closed.
    fn run(&self) {
        let mut shelf = self.lock();
        while !shelf.closed {
            if let Some(job) = shelf.job() {
                drop(shelf);
                let done = self.perform(job);
                shelf = self.lock();
                shelf.note(done);
                self.changed.notify_all();
                continue;
            }
            let waited = self.changed.wait_timeout(shelf, LOOK_EVERY);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            shelf = guard;
            if timeout.timed_out() {
                shelf.look_again();
            }
        }
    }

    fn perform(&self, job: Job) -> Done {
        match job {
            Job::Cut(sealed) => {
                for (file, len) in sealed {
                    if let Err(fault) = file.set_len(len) {
                        // It costs room until the next start, and nothing else.
                        tracing::warn!(error = %fault, "a sealed segment cannot be cut");
                    }
                }
                Done::Cut
            }
            Job::Ballast => Done::Ballast(self.yard.ballast()),
            Job::Regular(number) => {
                let hurried = || self.hurry.load(Ordering::Relaxed);
                Done::Regular(self.yard.regular(number, hurried))
            }
            Job::Small(number) => Done::Small(self.yard.small(number)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // No code panics with the lock held; if one did, the shelf is whole all the same.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that works in the depot. It ends when the log is closed or dropped.
pub(crate) fn spawn(depot: Arc<Depot>) -> io::Result<JoinHandle<()>> {
    depot.lock().manned = true;
    let manned = Manned(Arc::clone(&depot));
    std::thread::Builder::new().name("queue-depot".into()).spawn(move || {
        let manned = manned;
        manned.0.run();
    })
}

/// Whatever ends the thread, nobody waits for it.
struct Manned(Arc<Depot>);

impl Drop for Manned {
    fn drop(&mut self) {
        self.0.lock().manned = false;
        self.0.changed.notify_all();
    }
}

const SEGMENT_BYTES_MIN: u64 = 4 * 1024;
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How often a full disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
