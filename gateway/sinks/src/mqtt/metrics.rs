//! What an MQTT sink counts, and how it stands.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_core::metrics::Counter;

/// The counters of one sink.
#[derive(Debug, Default)]
pub struct MqttSinkMetrics {
    connected: AtomicBool,
    /// Connections that were opened.
    pub connections: Counter,
    /// Messages that the broker refused.
    pub refused: Counter,
    /// Messages of which nothing was heard: they may have arrived.
    pub unanswered: Counter,
}

impl MqttSinkMetrics {
    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(super) fn set_connected(&self, is: bool) {
        self.connected.store(is, Ordering::Relaxed);
    }
}
