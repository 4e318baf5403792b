//! What is derived from the log, and what is deleted of it: indexes, checkpoints, old segments.
//!
//! None of it may hold up a commit, so a thread of its own does it. What fails here is logged and
//! counted, and tried again when there is new work of its kind: nothing that was acknowledged
//! depends on it.

mod rest;
mod saved;
mod thin;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use sluicegate_core::queue::Place;
use tokio::sync::oneshot;

use crate::disk::Disk;
use crate::format::checkpoint;
use crate::format::entry::{Head, Position};
use crate::format::keys;
use crate::listing::Listings;
use crate::log::{Depot, Segments, says_full, segment_name, unreadable_at};
use crate::metrics::Counters;
use crate::quarantine::{self, Copied};
use crate::writer::Desk;

use rest::Rest;
pub(crate) use saved::Saved;
pub(crate) use thin::Thinning;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// A segment is full: its index becomes a file.
    SaveIndex(u32),
    /// Every queue is marked: the checkpoint becomes a file.
    SaveCheckpoint {
        number: u32,
        saved: Box<Saved>,
        thinning: Thinning,
        /// When the first queue was asked for it.
        began: Instant,
    },
    /// Nobody needs a segment any more. The keys that are remembered from it are kept.
    Delete { segment: u32, keys: Option<Vec<u8>> },
    /// All the keys of these segments are forgotten.
    DeleteKeys(Vec<u32>),
    /// The entry at this place cannot be read: its bytes are copied aside.
    SetAside(Place),
    /// A question: is every deletion done that was asked for before? Those that failed are given
    /// up, not tried again: their files stay until a start looks at them anew.
    Spare(oneshot::Sender<()>),
}

/// Who does the jobs.
pub(crate) struct Archivist {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) listings: Arc<Listings>,
    pub(crate) depot: Arc<Depot>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) shared: Arc<Shared>,
    /// Jobs that failed: they are tried again with the next one.
    pub(crate) failed: Vec<Job>,
}

/// What the writer must know of what was done.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The number of the older of the two checkpoints on the disk, and, in the upper half, the
    /// segment that it reads from; 0 while there are not two.
    older: AtomicU64,
    /// A checkpoint is being saved.
    saving: AtomicBool,
    /// The last checkpoint was a large one: no other begins before its rest is over.
    rest: Mutex<Option<Rest>>,
    /// Segments that were to be thinned and were not.
    not_thinned: Mutex<BTreeSet<u32>>,
    /// The checkpoints on the disk, oldest first: number, and the segment that it reads from.
    pub(crate) checkpoints: Mutex<VecDeque<(u32, u32)>>,
}

/// Where the writer gives jobs away. When it is dropped, what was given is done, and the thread
/// ends.
pub(crate) struct Archive {
    hands: Hands,
    shared: Arc<Shared>,
}

enum Hands {
    Thread {
        jobs: Option<Sender<Job>>,
        thread: Option<JoinHandle<()>>,
    },
    /// The caller's own: for tests that must do the same steps in the same order every time.
    #[cfg(test)]
    Own(Box<Archivist>),
}

impl Archive {
    /// With a thread.
    pub(crate) fn start(mut archivist: Archivist) -> io::Result<Self> {
        let (jobs, inbox): (Sender<Job>, Receiver<Job>) = channel();
        let shared = Arc::clone(&archivist.shared);
        let thread =
            std::thread::Builder::new().name("queue-archivist".into()).spawn(move || {
                // Without checkpoints the log would grow until the disk is full.
                let _guard = archivist.desk.fails_with("the archivist panicked");
                inbox.into_iter().for_each(|job| archivist.attempt(job));
            })?;
        Ok(Self { hands: Hands::Thread { jobs: Some(jobs), thread: Some(thread) }, shared })
    }

    #[cfg(test)]
    pub(crate) fn inline(archivist: Archivist) -> Self {
        let shared = Arc::clone(&archivist.shared);
        Self { hands: Hands::Own(Box::new(archivist)), shared }
    }

    /// The number of the older of the two checkpoints on the disk, and the segment that start-up
    /// would begin to read at if it found only that one. Zeros while there are not two: with one,
    /// and that one damaged, the whole log would be read.
    pub(crate) fn older(&self) -> (u32, u32) {
        let older = self.shared.older.load(Ordering::Acquire);
        (older as u32, (older >> 32) as u32)
    }

    /// The number that the next checkpoint has.
    pub(crate) fn next_number(&self) -> u32 {
        self.shared.next_number()
    }

    /// Whether a checkpoint is being saved.
    pub(crate) fn saves(&self) -> bool {
        self.shared.saving.load(Ordering::Acquire)
    }

    /// Whether the last checkpoint took so long that the next one is to wait: what a checkpoint
    /// costs goes with what is held, and must stay a small part of all work. On a full disk it
    /// waits less: no segment goes without it, and senders are refused meanwhile.
    pub(crate) fn rests(&self, full: bool) -> bool {
        // Tests drive it step by step: how fast the machine is must not count.
        #[cfg(test)]
        if matches!(self.hands, Hands::Own(_)) {
            return false;
        }
        let rest = self.shared.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.is_some_and(|rest| !rest.is_over(Instant::now(), full))
    }

    /// The segments that were to be thinned and were not.
    pub(crate) fn take_not_thinned(&self) -> BTreeSet<u32> {
        let mut segments = self.shared.not_thinned.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *segments)
    }

    /// Has a job done. Jobs are few: each is caused by a segment that was filled or emptied.
    pub(crate) fn give(&mut self, job: Job) {
        match &mut self.hands {
            Hands::Thread { jobs, .. } => {
                // The thread ends only with this sender: there is nobody to tell.
                let _ = jobs.as_ref().map(|jobs| jobs.send(job));
            }
            #[cfg(test)]
            Hands::Own(archivist) => archivist.attempt(job),
        }
    }

    pub(crate) fn save_index(&mut self, segment: u32) {
        self.give(Job::SaveIndex(segment));
    }

    pub(crate) fn save_checkpoint(
        &mut self,
        number: u32,
        saved: Saved,
        thinning: Thinning,
        began: Instant,
    ) {
        self.shared.saving.store(true, Ordering::Release);
        let saved = Box::new(saved);
        self.give(Job::SaveCheckpoint { number, saved, thinning, began });
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        match &mut self.hands {
            Hands::Thread { jobs, thread } => {
                drop(jobs.take());
                // A panic of the thread was reported when it happened.
                let _ = thread.take().map(JoinHandle::join);
            }
            #[cfg(test)]
            Hands::Own(_) => {}
        }
    }
}

impl Shared {
    /// The checkpoints that were found when the folder was opened, oldest first.
    pub(crate) fn found(checkpoints: VecDeque<(u32, u32)>) -> Self {
        let older = AtomicU64::new(older_of(&checkpoints));
        Self { older, checkpoints: Mutex::new(checkpoints), ..Self::default() }
    }

    /// The number that the next checkpoint has.
    fn next_number(&self) -> u32 {
        let known = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        known.back().map_or(1, |(number, _)| number.saturating_add(1))
    }
}

fn older_of(checkpoints: &VecDeque<(u32, u32)>) -> u64 {
    match checkpoints.front() {
        Some((number, segment)) if checkpoints.len() >= CHECKPOINTS_KEPT => {
            u64::from(*segment) << 32 | u64::from(*number)
        }
        _ => 0,
    }
}

impl Job {
    /// What it is, for the log.
    fn what(&self) -> (&'static str, u32) {
        match self {
            Self::SaveIndex(segment) => ("save an index", *segment),
            Self::SaveCheckpoint { number, .. } => ("save a checkpoint", *number),
            Self::Delete { segment, .. } => ("delete a segment", *segment),
            Self::DeleteKeys(segments) => {
                ("delete old keys", segments.first().copied().unwrap_or_default())
            }
            Self::SetAside(place) => ("set damage aside", place.segment()),
            Self::Spare(_) => ("answer", 0),
        }
    }
}

impl Archivist {
    /// Does a job, and before it those that failed: space may be back.
    fn attempt(&mut self, job: Job) {
        if matches!(job, Job::Spare(_)) {
            self.failed.retain(|failed| !matches!(failed, Job::Delete { .. }));
        }
        let again = std::mem::take(&mut self.failed);
        for job in again.into_iter().chain([job]) {
            let (what, number) = job.what();
            if let Err((fault, job)) = self.perform(job) {
                self.counters.archive_faults.increment();
                tracing::warn!(error = %fault, number, "archive: failed to {what}");
                self.failed.extend(job);
            }
        }
    }

    /// Does a job; if it fails and can be done later, it is given back.
    fn perform(&mut self, job: Job) -> Result<(), (io::Error, Option<Job>)> {
        match job {
            Job::SaveIndex(segment) => {
                let done = self.with_room(|| self.listings.indexes.save(segment));
                done.map_err(|fault| (fault, Some(Job::SaveIndex(segment))))
            }
            // The next checkpoint will do.
            Job::SaveCheckpoint { number, saved, thinning, began } => {
                let done = self.checkpoint(number, *saved, &thinning);
                *self.shared.rest.lock().unwrap_or_else(PoisonError::into_inner) =
                    Rest::after(began, Instant::now());
                self.shared.saving.store(false, Ordering::Release);
                done.map_err(|fault| {
                    let mut failed =
                        self.shared.not_thinned.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.extend(&thinning.segments);
                    (fault, None)
                })
            }
            Job::Delete { segment, keys } => {
                let done = self.with_room(|| self.delete(segment, keys.as_deref()));
                done.map_err(|fault| (fault, Some(Job::Delete { segment, keys })))
            }
            Job::DeleteKeys(segments) => {
                let done = self.delete_keys(&segments);
                done.map_err(|fault| (fault, Some(Job::DeleteKeys(segments))))
            }
            Job::Spare(ticket) => {
                // Who no longer waits needs no answer.
                let _ = ticket.send(());
                Ok(())
            }
            Job::SetAside(place) => {
                let done = self.set_aside(Position::unpack(place.position));
                done.map_err(|fault| (fault, Some(Job::SetAside(place))))
            }
        }
    }

    fn set_aside(&self, Position { segment, offset }: Position) -> io::Result<()> {
        let Some(file) = self.segments.find(segment)? else { return Ok(()) };
        let Some(range) = unreadable_at(&*file, segment, offset)? else { return Ok(()) };
        match quarantine::copy(&*self.disk, &*file, segment, range)? {
            Copied::Made | Copied::Known => Ok(()),
            Copied::NoRoom => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// What frees space on a full disk needs a little itself: the ballast is given up for it, and
    /// is the first thing that is made again.
    fn with_room(&self, mut act: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        match act() {
            Err(fault) if says_full(&fault) && self.depot.give_up_ballast() => act(),
            done => done,
        }
    }

    fn checkpoint(&self, number: u32, saved: Saved, thinning: &Thinning) -> io::Result<()> {
        let from = saved.from;
        let bytes = saved.encode(&self.desk).ok_or(io::ErrorKind::FileTooLarge)?;
        self.with_room(|| self.save_checkpoint(number, from, &bytes))?;
        self.thin_by(&bytes, thinning)
    }

    fn delete_keys(&self, segments: &[u32]) -> io::Result<()> {
        for segment in segments {
            quarantine::remove(&*self.disk, &format!("keys/{}", keys::file_name(*segment)))?;
        }
        self.disk.sync_folder("keys")
    }

    /// The new checkpoint is durable before the one that it makes needless goes.
    fn save_checkpoint(&self, number: u32, from: Position, bytes: &[u8]) -> io::Result<()> {
        let mut known = self.shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        self.disk.replace("checkpoints", &checkpoint::file_name(number), bytes)?;
        self.counters.checkpoints.increment();
        known.push_back((number, from.segment));
        while known.len() > CHECKPOINTS_KEPT {
            let Some((old, _)) = known.pop_front() else { break };
            quarantine::remove(
                &*self.disk,
                &format!("checkpoints/{}", checkpoint::file_name(old)),
            )?;
        }
        self.shared.older.store(older_of(&known), Ordering::Release);
        Ok(())
    }

    fn thin_by(&self, bytes: &[u8], thinning: &Thinning) -> io::Result<()> {
        if thinning.segments.is_empty() {
            return Ok(());
        }
        let open = |head: &Head, body: &[u8]| {
            let mut scratch = Vec::new();
            let opened = self.listings.unsealer.open(head, body, &mut scratch)?;
            Ok(opened.map(<[u8]>::to_vec))
        };
        // It was made a moment ago; if it cannot be read, nothing may be taken away by it.
        let Some(checkpoint) = checkpoint::decode(bytes, open)? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        self.thin(thinning, &checkpoint.queues)
    }

    /// The keys that are remembered from the segment are durable elsewhere before it goes.
    fn delete(&self, segment: u32, keys: Option<&[u8]>) -> io::Result<()> {
        if let Some(bytes) = keys {
            self.disk.replace("keys", &keys::file_name(segment), bytes)?;
        }
        self.segments.remove(segment);
        quarantine::remove(&*self.disk, &segment_name(segment))?;
        self.depot.look_again();
        self.listings.indexes.remove(segment)?;
        self.disk.sync_folder("log")
    }
}

/// Checkpoints on the disk: if the newest is damaged, the other is as good.
const CHECKPOINTS_KEPT: usize = 2;
