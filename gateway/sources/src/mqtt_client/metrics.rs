//! What a client of a broker counts.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_core::metrics::Counter;

/// The counters of one client.
#[derive(Debug, Default)]
pub struct MqttClientMetrics {
    pub(super) connected: AtomicBool,
    pub(super) connects: Counter,
    pub(super) faults: Counter,
    pub(super) received: Counter,
    pub(super) refused: Counter,
    pub(super) retried: Counter,
    pub(super) answered: Counter,
}

/// The counters of one client at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MqttClientStats {
    /// Whether it is connected and subscribed.
    pub connected: bool,
    /// Times that it connected.
    pub connects: u64,
    /// Connections that failed or broke.
    pub faults: u64,
    /// Messages that came.
    pub received: u64,
    /// Messages that were refused for good, and taken off the broker.
    pub refused: u64,
    /// Times that a message was not taken, and is tried again.
    pub retried: u64,
    /// Messages that were answered after their commit.
    pub answered: u64,
}

impl MqttClientMetrics {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> MqttClientStats {
        MqttClientStats {
            connected: self.connected.load(Ordering::Relaxed),
            connects: self.connects.value(),
            faults: self.faults.value(),
            received: self.received.value(),
            refused: self.refused.value(),
            retried: self.retried.value(),
            answered: self.answered.value(),
        }
    }
}
