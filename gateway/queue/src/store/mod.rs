//! The store: what the hall holds.

mod browse;
mod commit;
mod engine;
mod folder;
mod open;
mod opener;
mod operate;
mod plan;
mod receive;
mod tend;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_core::queue::{Room, SourceTag};
use sluicegate_core::time::Clock;
use tokio::task::AbortHandle;

use crate::gauges::Sources;
use crate::index::Indexes;
use crate::log::{Reader, Segments};
use crate::metrics::{Counters, StoreMetrics};
use crate::receipts::Receipts;
use crate::rooms::Registry;
use crate::writer::postman::{self, Post};
use crate::writer::{Desk, Inbox, Standing};
use opener::Opener;
pub use operate::{Browsed, Cursor, CursorError, Defined, Past, PastEvent, QueueInfo, QueueOrigin};

/// An open store: the embedded queue engine over one data folder.
///
/// Dropping it waits for the writer to finish what it has; `stop` does the same without blocking.
pub struct Store {
    opener: Opener,
    registry: Arc<Registry>,
    desk: Arc<Desk>,
    segments: Arc<Segments>,
    indexes: Arc<Indexes>,
    reader: Reader,
    sources: Arc<Sources>,
    source_bounds: SourceBounds,
    receipts: Receipts,
    counters: Arc<Counters>,
    folder_key: [u8; 16],
    clock: Clock,
    postman: AbortHandle,
    post: Arc<Inbox<Post>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How much of each source may lie in all queues together.
type SourceBounds = HashMap<SourceTag, (SourceName, Room)>;

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
            checkpoints: counters.checkpoints.value(),
            archive_faults: counters.archive_faults.value(),
            free_bytes: counters.free_bytes.load(Ordering::Relaxed),
            recovered_entries: counters.recovered_entries.value(),
            poisoned: matches!(self.desk.standing(), Standing::Poisoned(_)),
            disk_full: counters.disk_full.load(Ordering::Relaxed),
            recovery_time: Duration::from_nanos(counters.recovery_ns.load(Ordering::Relaxed)),
        }
    }

    /// Ends the tasks: nothing is answered any more.
    fn abandon(&self) {
        postman::deliver(&self.post);
        self.postman.abort();
        self.registry.rooms().iter().for_each(|room| room.abandon());
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
        self.abandon();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("registry", &self.registry).finish_non_exhaustive()
    }
}
