//! The store: what the hall holds.

mod again;
mod beside;
mod browse;
mod commit;
mod cursor;
mod define;
mod definitions;
mod engine;
pub(crate) mod folder;
mod items;
mod letters;
mod open;
mod opener;
mod operator;
mod past;
mod plan;
mod receive;
mod settings;
mod strays;
mod tend;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_core::ids::{QueueName, SourceName};
use sluicegate_core::queue::{Room, SourceTag};
use sluicegate_core::seams::StateView;
use sluicegate_core::time::Clock;
use tokio::task::AbortHandle;

use crate::claim::States;
use crate::gauges::Sources;
use crate::listing::Listings;
use crate::log::{Reader, Segments};
use crate::metrics::{Counters, QueueMetrics, StoreMetrics};
use crate::receipts::Receipts;
use crate::rooms::{self, Registry};
use crate::seal::Sealer;
use crate::writer::postman::{self, Post};
use crate::writer::{Desk, Inbox, Standing};
pub use browse::Browsed;
pub(crate) use browse::browsed;
pub use cursor::{Cursor, CursorError};
pub use define::{Defined, QueueInfo, QueueOrigin};
pub(crate) use items::merge;
use operator::Operator;
pub(crate) use past::read as read_past;
pub use past::{Past, PastEvent};

/// An open store: the embedded queue engine over one data folder.
///
/// Dropping it waits for the writer to finish what it has; `stop` does the same without blocking.
pub struct Store {
    operator: Arc<Operator>,
    registry: Arc<Registry>,
    desk: Arc<Desk>,
    segments: Arc<Segments>,
    listings: Arc<Listings>,
    reader: Reader,
    sources: Arc<Sources>,
    source_bounds: SourceBounds,
    sealer: Sealer,
    keeper: Option<AbortHandle>,
    receipts: Receipts,
    pub(crate) states: Arc<States>,
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
            dedupe_keys: counters.dedupe_keys.load(Ordering::Relaxed),
            dedupe_keys_evicted: counters.dedupe_keys_evicted.load(Ordering::Relaxed),
            commit_bytes: counters.commit_bytes.value(),
            disk_bytes,
            segments,
            quarantined: counters.quarantined.value(),
            unread: counters.unread.value(),
            recounted: counters.recounted.load(Ordering::Relaxed),
            checkpoints: counters.checkpoints.value(),
            thinned_bytes: counters.thinned_bytes.value(),
            archive_faults: counters.archive_faults.value(),
            free_bytes: counters.free_bytes.load(Ordering::Relaxed),
            recovered_entries: counters.recovered_entries.value(),
            poisoned: matches!(self.desk.standing(), Standing::Poisoned(_)),
            disk_full: counters.disk_full.load(Ordering::Relaxed),
            data_keys: self.sealer.data_keys() as u64,
            data_key: self.sealer.data_key(),
            recovery_time: Duration::from_nanos(counters.recovery_ns.load(Ordering::Relaxed)),
            state: self.states.usage(),
            state_conflicts: self.states.conflicts.value(),
        }
    }

    /// What filters remember, for them to look at. It changes with what is committed.
    #[must_use]
    pub fn state(&self) -> Arc<dyn StateView> {
        Arc::clone(&self.states) as Arc<dyn StateView>
    }

    /// Waits until the store has failed for good, and says why: a write or a flush failed, and
    /// nothing is committed any more. Only a restart, which reads the log again, helps.
    pub async fn failed(&self) -> &'static str {
        let mut failure = self.desk.failure();
        match failure.wait_for(Option::is_some).await {
            Ok(what) => what.unwrap_or_default(),
            // The desk lives as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Why the store has failed for good, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        *self.desk.failure().borrow()
    }

    /// The distributions of every queue now, by name.
    #[must_use]
    pub fn queue_metrics(&self) -> Vec<(QueueName, QueueMetrics)> {
        let rooms = self.registry.rooms().into_iter();
        let shown = rooms.filter(|room| room.plan().standing != rooms::Standing::Removed);
        let mut all: Vec<_> = shown.map(|room| (room.name(), room.counters.snapshot())).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Ends the tasks: nothing is answered any more.
    fn abandon(&self) {
        postman::deliver(&self.post);
        self.postman.abort();
        self.keeper.iter().for_each(AbortHandle::abort);
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
