//! What is derived from the log, and what is deleted of it: indexes, checkpoints, old segments.
//!
//! None of it may hold up a commit, so a thread of its own does it. What fails here is logged and
//! counted, and tried again when there is new work of its kind: nothing that was acknowledged
//! depends on it.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::disk::Disk;
use crate::format::checkpoint::{self, Marked};
use crate::format::entry::Position;
use crate::format::keys;
use crate::index::Indexes;
use crate::log::{Depot, Segments, says_full, segment_name};
use crate::metrics::Counters;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// A segment is full: its index becomes a file.
    SaveIndex(u32),
    /// Every queue is marked: the checkpoint becomes a file.
    SaveCheckpoint { from: Position, marked: Vec<Marked> },
    /// Nobody needs a segment any more. The keys that are remembered from it are kept.
    Delete { segment: u32, keys: Option<Vec<u8>> },
    /// All the keys of these segments are forgotten.
    DeleteKeys(Vec<u32>),
}

/// Who does the jobs.
pub(crate) struct Archivist {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) depot: Arc<Depot>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shared: Arc<Shared>,
}

/// What the writer must know of what was done.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Start-up would read no segment before this one, whichever checkpoint it finds.
    floor: AtomicU32,
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
        let thread = std::thread::Builder::new()
            .name("queue-archivist".into())
            .spawn(move || inbox.into_iter().for_each(|job| archivist.attempt(job)))?;
        Ok(Self { hands: Hands::Thread { jobs: Some(jobs), thread: Some(thread) }, shared })
    }

    #[cfg(test)]
    pub(crate) fn inline(archivist: Archivist) -> Self {
        let shared = Arc::clone(&archivist.shared);
        Self { hands: Hands::Own(Box::new(archivist)), shared }
    }

    /// Start-up would read no segment before this one, whichever checkpoint it finds.
    pub(crate) fn floor(&self) -> u32 {
        self.shared.floor.load(Ordering::Acquire)
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

    pub(crate) fn save_checkpoint(&mut self, from: Position, marked: Vec<Marked>) {
        self.give(Job::SaveCheckpoint { from, marked });
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
        let floor = checkpoints.front().map_or(0, |(_, segment)| *segment);
        Self { floor: AtomicU32::new(floor), checkpoints: Mutex::new(checkpoints) }
    }
}

impl Archivist {
    fn attempt(&mut self, job: Job) {
        let what = format!("{job:.0?}");
        if let Err(fault) = self.perform(job) {
            self.counters.archive_faults.increment();
            tracing::warn!(error = %fault, job = what, "archive: not done");
        }
    }

    fn perform(&mut self, job: Job) -> io::Result<()> {
        match job {
            Job::SaveIndex(segment) => self.with_room(|| self.indexes.save(segment)),
            Job::SaveCheckpoint { from, mut marked } => {
                self.with_room(|| self.save_checkpoint(from, &mut marked))
            }
            Job::Delete { segment, keys } => {
                self.with_room(|| self.delete(segment, keys.as_deref()))
            }
            Job::DeleteKeys(segments) => {
                for segment in segments {
                    self.remove(&format!("keys/{}", keys::file_name(segment)))?;
                }
                self.disk.sync_folder("keys")
            }
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

    /// The new checkpoint is durable before the one that it makes needless goes.
    fn save_checkpoint(&self, from: Position, marked: &mut [Marked]) -> io::Result<()> {
        let mut known = self.shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let number = known.back().map_or(1, |(number, _)| number.saturating_add(1));
        let bytes = checkpoint::encode(from.pack(), marked);
        self.disk.replace("checkpoints", &checkpoint::file_name(number), &bytes)?;
        self.counters.checkpoints.increment();
        known.push_back((number, from.segment));
        while known.len() > CHECKPOINTS_KEPT {
            let Some((old, _)) = known.pop_front() else { break };
            self.remove(&format!("checkpoints/{}", checkpoint::file_name(old)))?;
        }
        let floor = known.front().map_or(0, |(_, segment)| *segment);
        self.shared.floor.store(floor, Ordering::Release);
        Ok(())
    }

    /// The keys that are remembered from the segment are durable elsewhere before it goes.
    fn delete(&self, segment: u32, keys: Option<&[u8]>) -> io::Result<()> {
        if let Some(bytes) = keys {
            self.disk.replace("keys", &keys::file_name(segment), bytes)?;
        }
        self.segments.remove(segment);
        self.remove(&segment_name(segment))?;
        self.indexes.remove(segment)?;
        self.disk.sync_folder("log")
    }

    /// Takes a name away; a try before this one may have done it.
    fn remove(&self, name: &str) -> io::Result<()> {
        match self.disk.remove(name) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// Checkpoints on the disk: if the newest is damaged, the other is as good.
const CHECKPOINTS_KEPT: usize = 2;
