//! What an AMQP source counts, and how it stands: for metrics and readiness.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sluicegate_core::metrics::Counter;

/// How one queue of a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// There is no connection, and one is tried.
    #[default]
    Connecting,
    /// There is a connection, and the queue is not there or not ours to consume from.
    NoQueue,
    /// Messages are consumed.
    Consuming,
    /// Messages wait at the broker: the gateway takes none now.
    Holding,
    /// The gateway stops.
    Stopped,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 5] =
        [Self::Connecting, Self::NoQueue, Self::Consuming, Self::Holding, Self::Stopped];

    /// The standing as metrics have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::NoQueue => "no_queue",
            Self::Consuming => "consuming",
            Self::Holding => "holding",
            Self::Stopped => "stopped",
        }
    }
}

/// The counters of one source.
#[derive(Debug)]
pub struct AmqpMetrics {
    queues: BTreeMap<String, Arc<QueueMetrics>>,
    /// Connections that were opened.
    pub connections: Counter,
    blocked: AtomicBool,
    interruptions: Mutex<BTreeMap<&'static str, u64>>,
}

/// The counters of one queue of a source.
#[derive(Debug, Default)]
pub struct QueueMetrics {
    standing: Mutex<(Standing, String)>,
    unsettled: AtomicU64,
    /// Messages that came, the same one each time that it came.
    pub messages: Counter,
    /// Those of them that the broker had handed out before.
    pub redelivered: Counter,
    /// Messages acknowledged.
    pub acked: Counter,
    /// Messages rejected.
    pub rejected: Counter,
    /// Refused messages published again with their reason.
    pub republished: Counter,
    /// Times that a message was put off or held.
    pub retried: Counter,
    /// Messages that were on their way when their channel was lost: they come again.
    pub abandoned: Counter,
    /// Messages that the source itself refused, before any rule of the gateway.
    pub refused: Counter,
    /// Tries to publish a refused message again that failed.
    pub unplaced_tries: Counter,
    unplaced: AtomicU64,
}

/// A refused message that could not be published again, as long as it waits.
#[derive(Debug)]
pub(super) struct Unplaced(Arc<QueueMetrics>);

impl Drop for Unplaced {
    fn drop(&mut self) {
        self.0.unplaced.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AmqpMetrics {
    pub(super) fn new(queues: &[String]) -> Self {
        let queues = queues.iter().map(|name| (name.clone(), Arc::default())).collect();
        let (connections, blocked) = (Counter::default(), AtomicBool::new(false));
        Self { queues, connections, blocked, interruptions: Mutex::default() }
    }

    /// Whether the broker blocks the connection: it is short of memory or disk.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(super) fn set_blocked(&self, is: bool) {
        self.blocked.store(is, Ordering::Relaxed);
    }

    /// The queues by name.
    pub fn queues(&self) -> impl Iterator<Item = (&str, &QueueMetrics)> {
        self.queues.iter().map(|(name, queue)| (name.as_str(), &**queue))
    }

    pub(super) fn queue(&self, name: &str) -> Arc<QueueMetrics> {
        // Every queue of the source is here; what is counted of another one is seen by nobody.
        self.queues.get(name).cloned().unwrap_or_default()
    }

    /// How often something came between, by cause.
    #[must_use]
    pub fn interruptions(&self) -> BTreeMap<&'static str, u64> {
        self.interruptions.lock().map(|all| all.clone()).unwrap_or_default()
    }

    pub(super) fn interrupted(&self, cause: Cause) {
        if let Ok(mut all) = self.interruptions.lock() {
            *all.entry(cause.word()).or_default() += 1;
        }
    }

    /// Sets how every queue stands.
    pub(super) fn stand(&self, standing: Standing, why: &str) {
        self.queues.values().for_each(|queue| queue.stand(standing, why));
    }
}

impl QueueMetrics {
    /// How it stands, and why.
    #[must_use]
    pub fn standing(&self) -> (Standing, String) {
        self.standing.lock().map(|standing| standing.clone()).unwrap_or_default()
    }

    /// Messages that the broker waits for an answer to.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        self.unsettled.load(Ordering::Relaxed)
    }

    /// Refused messages that cannot be published again, and wait for that.
    #[must_use]
    pub fn unplaced_now(&self) -> u64 {
        self.unplaced.load(Ordering::Relaxed)
    }

    /// Counts a refused message that waits, until what is returned is dropped.
    pub(super) fn unplaced(self: &Arc<Self>) -> Unplaced {
        self.unplaced.fetch_add(1, Ordering::Relaxed);
        Unplaced(Arc::clone(self))
    }

    pub(super) fn set_unsettled(&self, count: usize) {
        self.unsettled.store(count as u64, Ordering::Relaxed);
    }

    pub(super) fn stand(&self, standing: Standing, why: &str) {
        if let Ok(mut now) = self.standing.lock() {
            *now = (standing, why.to_owned());
        }
    }
}

/// What came between a source and a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// There was no connection to be had.
    Unreachable,
    /// A connection was lost.
    Connection,
    /// A connection fell silent, and was cut.
    Silent,
    /// The broker closed a channel.
    Channel,
    /// The broker ended the consumer: the queue was deleted, or moved.
    Cancelled,
    /// The queue is not there, or other than declared.
    Topology,
    /// Something of ours broke: a panic, which the log has.
    Failed,
}

impl Cause {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Connection => "connection",
            Self::Silent => "silent",
            Self::Channel => "channel",
            Self::Cancelled => "cancelled",
            Self::Topology => "topology",
            Self::Failed => "failed",
        }
    }
}
