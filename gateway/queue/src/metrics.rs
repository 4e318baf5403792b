//! What the store counts.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use sluicegate_core::metrics::{Counter, Histogram, HistogramSnapshot};
use sluicegate_core::state::Scope;

/// The numbers of a store at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreMetrics {
    /// How long a flush took, in microseconds.
    pub fsync_us: HistogramSnapshot,
    /// How many entries shared a write.
    pub batch_entries: HistogramSnapshot,
    /// Entries written since the store was opened.
    pub entries: u64,
    /// Bytes written since the store was opened.
    pub bytes: u64,
    /// Commits that repeated an idempotency key.
    pub duplicates: u64,
    /// Idempotency keys that are remembered now.
    pub dedupe_keys: u64,
    /// Keys that were forgotten because there were too many, before their window was over, since
    /// the store was opened.
    pub dedupe_keys_evicted: u64,
    /// Of `bytes`, those that brought events; the others say what became of events.
    pub commit_bytes: u64,
    /// Bytes of the segments on the disk.
    pub disk_bytes: u64,
    /// Segments on the disk.
    pub segments: u64,
    /// Damaged places found, at start-up and when reading.
    pub quarantined: u64,
    /// Events that the disk could not read for a consumer, since the store was opened. They stay,
    /// and are offered again later; one counts each time.
    pub unread: u64,
    /// Whether no checkpoint could be read when the store was opened, though there was one: all
    /// was counted from the log, and what was settled in deleted segments comes again.
    pub recounted: bool,
    /// Checkpoints written since the store was opened.
    pub checkpoints: u64,
    /// Bytes that thinning gave back to the disk since the store was opened.
    pub thinned_bytes: u64,
    /// Indexes, checkpoints and deletions that failed since the store was opened.
    pub archive_faults: u64,
    /// Free bytes of the disk, when they were last looked at.
    pub free_bytes: u64,
    /// Entries of the log that start-up read.
    pub recovered_entries: u64,
    /// Whether a write or flush failed: nothing is committed any more.
    pub poisoned: bool,
    /// Whether the disk has less free space than the reserve: commits are refused.
    pub disk_full: bool,
    /// Data keys of the folder; 0: new entries are not sealed.
    pub data_keys: u64,
    /// The number of the data key that seals new entries.
    pub data_key: Option<u16>,
    /// How long start-up took to read the log.
    pub recovery_time: Duration,
    /// What filters remember.
    pub state: Vec<StateUsage>,
    /// Events whose filters had to run again, because what they had read was changed meanwhile.
    pub state_conflicts: u64,
}

/// What a plugin remembers on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateUsage {
    /// The plugin and the route.
    pub scope: Scope,
    /// Keys. Those that have expired count until they are forgotten.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// The distributions of one queue at one moment; what can be counted one by one is in
/// [`QueueStats`](sluicegate_core::queue::QueueStats).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMetrics {
    /// From when the gateway had received an event to its acknowledgement, in milliseconds.
    pub latency_ms: HistogramSnapshot,
    /// Payload, header and attribute bytes of the events that came in, about.
    pub arrival_bytes: HistogramSnapshot,
}

/// The counters behind [`QueueMetrics`].
#[derive(Debug, Default)]
pub(crate) struct QueueCounters {
    pub(crate) latency_ms: Histogram,
    pub(crate) arrival_bytes: Histogram,
}

impl QueueCounters {
    pub(crate) fn snapshot(&self) -> QueueMetrics {
        QueueMetrics {
            latency_ms: self.latency_ms.snapshot(),
            arrival_bytes: self.arrival_bytes.snapshot(),
        }
    }
}

/// The counters behind [`StoreMetrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) fsync_us: Histogram,
    pub(crate) batch_entries: Histogram,
    pub(crate) entries: Counter,
    pub(crate) bytes: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) commit_bytes: Counter,
    pub(crate) dedupe_keys: AtomicU64,
    pub(crate) dedupe_keys_evicted: AtomicU64,
    pub(crate) quarantined: Counter,
    pub(crate) unread: Counter,
    pub(crate) recounted: AtomicBool,
    pub(crate) checkpoints: Counter,
    pub(crate) thinned_bytes: Counter,
    pub(crate) archive_faults: Counter,
    pub(crate) recovered_entries: Counter,
    pub(crate) free_bytes: AtomicU64,
    pub(crate) disk_full: AtomicBool,
    pub(crate) recovery_ns: AtomicU64,
}
