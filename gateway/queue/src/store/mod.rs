//! The store: what the hall holds.

mod commit;
mod engine;
mod folder;
mod open;
mod plan;
mod receive;
mod registry;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::log::{Reader, Segments};
use crate::metrics::{Counters, StoreMetrics};
use crate::receipts::Receipts;
use crate::seal::Sealer;
use crate::writer::postman::{self, Post};
use crate::writer::{Desk, Inbox, Standing};
use registry::Registry;

/// An open store: the embedded queue engine over one data folder.
///
/// Dropping it waits for the writer to finish what it has; `stop` does the same without blocking.
pub struct Store {
    registry: Registry,
    desk: Arc<Desk>,
    segments: Arc<Segments>,
    reader: Reader,
    sealer: Sealer,
    receipts: Receipts,
    counters: Arc<Counters>,
    folder_key: [u8; 16],
    /// The owners of the queues, and the postman.
    tasks: Vec<AbortHandle>,
    post: Arc<Inbox<Post>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// The numbers of the store now.
    #[must_use]
    pub fn metrics(&self) -> StoreMetrics {
        let counters = &self.counters;
        let (segments, disk_bytes) = self.segments.size();
        StoreMetrics {
            fsync_us: counters.fsync_us.snapshot(),
            batch_entries: counters.batch_entries.snapshot(),
            entries: counters.entries.value(),
            bytes: counters.bytes.value(),
            duplicates: counters.duplicates.value(),
            disk_bytes,
            segments,
            quarantined: counters.quarantined.value(),
            poisoned: matches!(self.desk.standing(), Standing::Poisoned(_)),
            disk_full: counters.disk_full.load(Ordering::Relaxed),
            data_keys: self.sealer.data_keys() as u64,
            data_key: self.sealer.data_key(),
            recovery_time: Duration::from_nanos(counters.recovery_ns.load(Ordering::Relaxed)),
        }
    }

    fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.desk.stop();
        if let Some(thread) = self.take_thread() {
            // The thread poisons the desk itself if it panics: nothing is left to tell.
            drop(thread.join());
        }
        postman::deliver(&self.post);
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("registry", &self.registry).finish_non_exhaustive()
    }
}
