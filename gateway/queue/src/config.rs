//! What a store is told when it is opened.

use std::path::PathBuf;
use std::time::Duration;

use sluicegate_core::ids::{QueueName, SourceName};
use sluicegate_core::limits::{DELAY_MS_MAX, HELD_MAX};
use sluicegate_core::queue::{Delivery, OnExpiry};
use sluicegate_core::retry::RetryPolicy;

use crate::seal::Encryption;
use crate::terms::TermsRules;

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
    /// Sources whose share is bounded.
    pub sources: Vec<SourceConfig>,
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
            sources: Vec::new(),
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

/// How much of one source may lie in all queues together.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name.
    pub name: SourceName,
    /// With so many of its events in queues, counted once for each queue, commits of it are
    /// refused.
    pub events_max: Option<u64>,
    /// With so many bytes of its events in queues, commits of it are refused.
    pub bytes_max: Option<u64>,
}

/// The configuration of one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueConfig {
    /// Its name.
    pub name: QueueName,
    /// How often and how patiently an event is tried.
    pub retry: RetryPolicy,
    /// Where its given-up events go. A queue that is named here by any queue keeps its own
    /// failing events.
    pub dead_letter: QueueName,
    /// How long segments with its events are kept after all in them is settled.
    pub retain: Retain,
    /// With so many events in it, it is full.
    pub events_max: Option<u64>,
    /// With so many bytes in it, it is full.
    pub bytes_max: Option<u64>,
    /// What it does when it is full.
    pub when_full: WhenFull,
    /// At most so many events are committed into it in a second; more are refused.
    pub rate_max: Option<u32>,
    /// How it decides the priority, the line, the delay and the life of its events.
    pub terms: TermsRules,
    /// What becomes of an event whose time to live is over.
    pub on_expiry: OnExpiry,
    /// Whether it hands out events.
    pub delivery: Delivery,
    /// At most so many events are handed out in a second.
    pub delivery_rate: Option<u32>,
    /// At most so many events are leased or wait for a next attempt at one time.
    pub held_max: usize,
}

impl QueueConfig {
    /// A queue with the default retry policy and no bounds of its own.
    #[must_use]
    pub fn new(name: QueueName, dead_letter: QueueName) -> Self {
        Self {
            name,
            retry: RetryPolicy::default(),
            dead_letter,
            retain: Retain::default(),
            events_max: None,
            bytes_max: None,
            when_full: WhenFull::Reject,
            rate_max: None,
            terms: TermsRules::default(),
            on_expiry: OnExpiry::Drop,
            delivery: Delivery::Running,
            delivery_rate: None,
            held_max: HELD_MAX,
        }
    }

    /// This configuration with every number held to the bounds of the house: at least one
    /// attempt, one event a second and one event held, no wait over the longest delay. No
    /// configuration is refused for a number that makes no sense.
    #[must_use]
    pub fn within_bounds(mut self) -> Self {
        let longest = Duration::from_millis(DELAY_MS_MAX);
        let retry = &mut self.retry;
        retry.attempts_max = retry.attempts_max.max(1);
        retry.wait_max = retry.wait_max.min(longest);
        retry.wait_min = retry.wait_min.min(retry.wait_max);
        self.rate_max = self.rate_max.map(|rate| rate.max(1));
        self.delivery_rate = self.delivery_rate.map(|rate| rate.max(1));
        self.held_max = self.held_max.clamp(1, HELD_MAX);
        self.terms.delay = self.terms.delay.min(longest);
        self.terms.ttl = self.terms.ttl.map(|ttl| ttl.min(LONGEST));
        self.retain.time = self.retain.time.map(|time| time.min(LONGEST));
        self
    }
}

/// Longer than any time to live or retention need be: five hundred years, in nanoseconds of a
/// `Timestamp`.
const LONGEST: Duration = Duration::from_secs(500 * 365 * 24 * 60 * 60);

/// What a full queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// Commits into it are refused, and their senders are told to come back.
    #[default]
    Reject,
    /// Its oldest events are dropped; the log says so.
    DropOldest,
}

/// How long a queue keeps what is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retain {
    /// For so long; `None`: no time says so.
    pub time: Option<Duration>,
    /// At most so many bytes of the queue's events, the newest; `None`: no bound.
    pub bytes: Option<u64>,
    /// Whether everything is kept, whatever the other two say.
    pub hold: Hold,
}

/// Whether a queue is under a legal hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// It is not.
    #[default]
    None,
    /// No segment of the log with an event of the queue is deleted until the hold is lifted.
    Held,
}
