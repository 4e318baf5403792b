//! The loop of the writer.
//!
//! IMPORTANT: after a failed write or flush nothing is tried again. The kernel may have dropped
//! the pages and would report the next flush as a success (the "fsyncgate" of 2018).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sluicegate_core::queue::QueueNumber;
use sluicegate_core::time::{Clock, Moment, Timestamp};

use super::batch::Batch;
use super::checkpoint::Gathering;
use super::desk::{Desk, Standing};
use super::inbox::Inbox;
use super::postman::Post;
use super::work::Work;
use crate::archive::Archive;
use crate::claim::States;
use crate::config::FsyncMode;
use crate::dedupe::Keys;
use crate::disk::{Disk, FolderLock};
use crate::gauges::{Gauges, Sources};
use crate::index::Indexes;
use crate::log::{Depot, Ledger, Log};
use crate::metrics::Counters;
use crate::rooms::{Registry, Room};

/// Everything that the writing thread owns.
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log: Log,
    pub(crate) depot: Arc<Depot>,
    /// Declared after the log, whose end is its end.
    pub(crate) _depot_thread: Ended,
    pub(crate) ledger: Ledger,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) archive: Archive,
    pub(crate) keys: Keys,
    /// The files of keys, oldest first, each with the number after its last key.
    pub(crate) key_files: VecDeque<(u32, u64)>,
    pub(crate) states: Arc<States>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) registry: Arc<Registry>,
    /// The queues, by number, as they were when this was last looked at.
    pub(crate) rooms: Vec<Arc<Room>>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) post: Arc<Inbox<Post>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    /// When the store was opened.
    pub(crate) opened: Moment,
    pub(crate) fsync: FsyncMode,
    pub(crate) free_bytes_min: u64,
    pub(crate) progress: Progress,
    /// Declared last: the folder is given up when nothing writes any more.
    pub(crate) _lock: Option<Arc<FolderLock>>,
}

/// How far the writer is with what takes more than one batch.
pub(crate) struct Progress {
    /// The segment that was current when the last checkpoint began.
    pub(crate) checkpointed: u32,
    pub(crate) gathering: Option<Gathering>,
    /// What queues have decided and found no room for: in order, until there is room.
    pub(crate) parked: VecDeque<Work>,
    /// How long the last flush took, if there was one since the writer last waited.
    pub(crate) last_flush: Duration,
}

impl Progress {
    /// Before the first batch, which begins a checkpoint: what start-up has read need not be read
    /// again.
    pub(crate) fn before(segment: u32) -> Self {
        Self {
            checkpointed: segment.saturating_sub(1),
            gathering: None,
            parked: VecDeque::new(),
            last_flush: Duration::ZERO,
        }
    }
}

/// A thread that has ended once this is dropped: nothing of the store touches the folder after it.
pub(crate) struct Ended(pub(crate) Option<JoinHandle<()>>);

impl Drop for Ended {
    fn drop(&mut self) {
        // A panic of the thread was reported when it happened.
        let _ = self.0.take().map(JoinHandle::join);
    }
}

/// Starts the writing thread. It ends when the desk is stopped or poisoned.
pub(crate) fn spawn(writer: Writer) -> io::Result<JoinHandle<()>> {
    let desk = Arc::clone(&writer.desk);
    std::thread::Builder::new().name("queue-writer".into()).spawn(move || {
        // Whatever ends the thread, nobody is left waiting.
        let _guard = desk.fails_with("the writer panicked");
        let mut writer = writer;
        writer.run();
    })
}

impl Writer {
    fn run(&mut self) {
        let mut works = Vec::new();
        let mut batch = Batch::default();
        let mut chores_at = Instant::now();
        let mut flush_at: Option<Instant> = None;
        loop {
            let wake_at = flush_at.map_or(chores_at, |flush_at| flush_at.min(chores_at));
            let patience = wake_at.saturating_duration_since(Instant::now());
            self.linger();
            let standing = self.desk.pick_up(&mut works, patience);
            let done = self.serve(&mut works, &mut batch, &mut flush_at);
            let done = match standing {
                Standing::Stopping => done.and_then(|()| self.log.seal()),
                Standing::Open | Standing::Poisoned(_) => done,
            };
            if let Err(fault) = done {
                return self.fail(&fault, &mut batch);
            }
            match standing {
                Standing::Open => {}
                Standing::Stopping => return,
                // By another thread: nobody who still waits is left without an answer.
                Standing::Poisoned(what) => return self.refuse(&mut batch, what),
            }
            let chores_due = chores_at <= Instant::now();
            if chores_due {
                chores_at = Instant::now() + self.chores_every();
            }
            self.begin_checkpoint(chores_due);
            if let Err(fault) = self.tidy(chores_due) {
                return self.fail(&fault, &mut batch);
            }
        }
    }

    /// Makes a batch durable, and answers.
    fn serve(
        &mut self,
        works: &mut Vec<Work>,
        batch: &mut Batch,
        flush_at: &mut Option<Instant>,
    ) -> io::Result<()> {
        let mut in_flight = 0;
        self.add_parked(batch)?;
        let mut rest = works.drain(..);
        for work in &mut rest {
            in_flight += work.frame().len();
            if let Err(fault) = self.add_in_order(work, batch) {
                batch.failed.extend(rest);
                return Err(fault);
            }
        }
        drop(rest);
        self.list(self.log.segment(), batch);
        self.log.write()?;
        self.written(batch);
        if batch.entries > 0 {
            self.counters.entries.add(batch.entries);
            self.counters.bytes.add(batch.bytes);
            self.counters.commit_bytes.add(batch.commit_bytes);
            self.count_keys();
            self.counters.batch_entries.observe(batch.entries);
        }
        match self.fsync {
            FsyncMode::Always if batch.needs_flush => self.flush()?,
            FsyncMode::Always => {}
            FsyncMode::Interval(every) => {
                let now = Instant::now();
                if flush_at.is_some_and(|flush_at| flush_at <= now) {
                    self.flush()?;
                    *flush_at = None;
                }
                if batch.needs_flush && flush_at.is_none() {
                    *flush_at = Some(now + every);
                }
            }
        }
        self.durable(batch);
        self.gather(&mut batch.marks)?;
        self.desk.done(in_flight);
        Ok(())
    }

    /// The wall time of the start and what has really passed since: what is forgotten or deleted
    /// after a time is reckoned by it. A clock that is set forward by mistake must not cost a key
    /// or a segment, and one that is set back must not keep them for ever.
    pub(super) fn passed(&self) -> Timestamp {
        self.opened.wall_at(self.clock.steady())
    }

    pub(crate) fn count_keys(&self) {
        self.counters.dedupe_keys.store(self.keys.len(), Ordering::Relaxed);
        self.counters.dedupe_keys_evicted.store(self.keys.evicted(), Ordering::Relaxed);
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        let start = Instant::now();
        self.log.sync()?;
        self.progress.last_flush = start.elapsed();
        self.counters.fsync_us.observe_duration(self.progress.last_flush);
        Ok(())
    }

    /// Senders wait for the room on a full disk.
    fn chores_every(&self) -> Duration {
        if self.counters.disk_full.load(Ordering::Relaxed) {
            FULL_CHORES_EVERY
        } else {
            CHORES_EVERY
        }
    }

    /// On a slow disk, waits a little after a flush: those that it freed come back with more, and
    /// share the next one. Without it producers fall into two groups, and each flush serves only
    /// one of them: on a disk of 2 ms a flush that is half of the rate.
    fn linger(&mut self) {
        let flushed = std::mem::take(&mut self.progress.last_flush);
        if flushed >= SLOW_FLUSH {
            std::thread::sleep(flushed / LINGER_ONE_IN);
        }
    }

    fn fail(&mut self, fault: &io::Error, batch: &mut Batch) {
        let what = match fault.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
            _ => "a write or flush failed",
        };
        tracing::error!(error = %fault, "store is poisoned: nothing is committed any more");
        self.desk.poison(what);
        self.refuse(batch, what);
    }

    pub(super) fn gauges(&self, queue: QueueNumber, act: impl FnOnce(&Gauges)) {
        if let Some(room) = self.rooms.get(usize::from(queue.0)) {
            act(&room.gauges);
        }
    }
}

/// A flush that takes so long is worth waiting for company.
const SLOW_FLUSH: Duration = Duration::from_micros(500);
/// Which part of a slow flush is waited.
const LINGER_ONE_IN: u32 = 25;

/// How often the free space is looked at and old keys are forgotten.
const CHORES_EVERY: Duration = Duration::from_secs(2);
/// How often on a full disk.
const FULL_CHORES_EVERY: Duration = Duration::from_millis(250);
