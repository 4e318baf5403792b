//! What a store is told when it is opened.

use std::path::PathBuf;
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::retry::RetryPolicy;

use crate::seal::Encryption;

/// The configuration of a [`Store`](crate::Store).
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The data folder; made if it is missing. One process at a time.
    pub folder: PathBuf,
    /// When commits are flushed.
    pub fsync: FsyncMode,
    /// The size of a segment of the log; held between 4 KiB and 1 GiB.
    pub segment_bytes: u64,
    /// How long an idempotency key is remembered.
    pub dedupe_window: Duration,
    /// How many idempotency keys are remembered.
    pub dedupe_keys_max: usize,
    /// Bytes of commits on their way to the disk; over it, commits are refused as overload.
    pub in_flight_bytes_max: usize,
    /// With fewer free bytes on the disk, commits are refused. What is left is the reserve with
    /// which settlements, dead-lettering and start-up still work.
    pub free_bytes_min: u64,
    /// The queues. Queues that are in the folder but not here keep their events.
    pub queues: Vec<QueueConfig>,
    /// How the folder is encrypted; `None` if it is not. A folder that was once is not opened
    /// without.
    pub encryption: Option<Encryption>,
    /// A random number: the start of jitter, and of the folder's key when it is made.
    pub seed: u64,
}

impl StoreConfig {
    /// The defaults: fsync always, segments of 64 MiB, three days or a million keys.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            fsync: FsyncMode::Always,
            segment_bytes: 64 * 1024 * 1024,
            dedupe_window: Duration::from_secs(3 * 24 * 60 * 60),
            dedupe_keys_max: 1_000_000,
            in_flight_bytes_max: 64 * 1024 * 1024,
            free_bytes_min: 256 * 1024 * 1024,
            queues: Vec::new(),
            encryption: None,
            seed: 0,
        }
    }
}

/// When commits are flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsyncMode {
    /// Before they are acknowledged.
    Always,
    /// So often. A power cut loses what was acknowledged since the last flush; the end of the
    /// process does not.
    Interval(Duration),
}

/// The configuration of one queue.
#[derive(Debug, Clone)]
pub struct QueueConfig {
    /// Its name.
    pub name: QueueName,
    /// How often and how patiently an event is tried.
    pub retry: RetryPolicy,
    /// Where its given-up events go. A queue that is named here by any queue keeps its own
    /// failing events.
    pub dead_letter: QueueName,
    /// How long segments with its events are kept after all in them is settled.
    pub retain: Duration,
    /// With so many events in it, commits into it are refused.
    pub events_max: Option<u64>,
    /// With so many bytes in it, commits into it are refused.
    pub bytes_max: Option<u64>,
}

impl QueueConfig {
    /// A queue with the default retry policy and no bounds of its own.
    #[must_use]
    pub fn new(name: QueueName, dead_letter: QueueName) -> Self {
        Self {
            name,
            retry: RetryPolicy::default(),
            dead_letter,
            retain: Duration::ZERO,
            events_max: None,
            bytes_max: None,
        }
    }
}
