//! What the room counts about each plugin, and how it is read.

use std::sync::atomic::AtomicUsize;

use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_core::letter::Cause;
use sluicegate_core::metrics::{Counter, Histogram, HistogramSnapshot};

/// The counts of one plugin, written by all workers.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    decisions: [Counter; DECISIONS.len()],
    failures: [Counter; FAILURES.len()],
    /// Events that it was asked about, retries not counted again.
    pub(crate) asked: Counter,
    pub(crate) call_time_ns: Histogram,
    pub(crate) starts: Counter,
    pub(crate) recycled: Counter,
    pub(crate) retries: Counter,
    pub(crate) log_lines_dropped: Counter,
    pub(crate) state_refused: Counter,
    pub(crate) memory_bytes_max: AtomicUsize,
    /// Instances that are there now.
    pub(crate) living: AtomicUsize,
}

impl Counts {
    /// Counts a decision by its code.
    pub(crate) fn decided(&self, code: &str) {
        let at = DECISIONS.iter().position(|other| *other == code);
        if let Some(counter) = at.and_then(|at| self.decisions.get(at)) {
            counter.increment();
        }
    }

    /// Counts a failure by its cause.
    pub(crate) fn failed(&self, cause: Cause) {
        let at = FAILURES.iter().position(|other| *other == cause);
        if let Some(counter) = at.and_then(|at| self.failures.get(at)) {
            counter.increment();
        }
    }

    pub(crate) fn decisions(&self) -> Vec<(&'static str, u64)> {
        DECISIONS.iter().zip(&self.decisions).map(|(code, n)| (*code, n.value())).collect()
    }

    pub(crate) fn failures(&self) -> Vec<(Cause, u64)> {
        FAILURES.iter().zip(&self.failures).map(|(cause, n)| (*cause, n.value())).collect()
    }
}

/// The numbers of one plugin at one moment.
#[derive(Debug, Clone)]
pub struct PluginMetrics {
    /// The plugin.
    pub plugin: PluginName,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Whether it decides nothing and is only compared.
    pub is_shadow: bool,
    /// Calls of `filter`, retries included.
    pub calls: u64,
    /// Decisions by their code (`next`, `drop`, ...), and `retry_after`.
    pub decisions: Vec<(&'static str, u64)>,
    /// Failures by cause, after the retry.
    pub failures: Vec<(Cause, u64)>,
    /// How long calls took, in **nanoseconds**: most take less than a microsecond.
    pub call_time_ns: HistogramSnapshot,
    /// Instances that are there now.
    pub instances: usize,
    /// Instances started.
    pub starts: u64,
    /// Instances replaced because they were old or large.
    pub recycled: u64,
    /// Calls tried again on a fresh instance.
    pub retries: u64,
    /// Log lines over the rate.
    pub log_lines_dropped: u64,
    /// Writes to its state that its quota refused.
    pub state_refused: u64,
    /// The most memory that one instance had.
    pub memory_bytes_max: usize,
    /// The plugin's own series.
    pub series: Vec<Series>,
}

/// A metric series of a plugin's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name, a Prometheus word.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: SeriesValue,
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeriesValue {
    /// A number that only grows.
    Counter(u64),
    /// A distribution, in the plugin's own unit.
    Histogram(Box<HistogramSnapshot>),
}

/// What a filter can answer: the codes of `Decision`, and its wish to be asked again.
const DECISIONS: [&str; 7] =
    ["next", "drop", "route", "emit", "reject", "dead_letter", RETRY_AFTER];

/// The code of a filter's wish to be asked again.
pub(crate) const RETRY_AFTER: &str = "retry_after";

/// How a filter can fail.
const FAILURES: [Cause; 6] = [
    Cause::Trap,
    Cause::Deadline,
    Cause::Memory,
    Cause::BadDecision,
    Cause::Failed,
    Cause::CircuitOpen,
];
