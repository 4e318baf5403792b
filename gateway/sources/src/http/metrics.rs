//! What a listener counts.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_core::metrics::Counter;

/// The counters of one listener.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    open: AtomicU64,
    pub(crate) connections: Counter,
    pub(crate) refused: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) body_bytes: Counter,
    answers: [Counter; 5],
}

/// The counters of one listener at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HttpStats {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections taken since the start.
    pub connections_total: u64,
    /// Connections answered 503 and closed, since the start.
    pub connections_refused: u64,
    /// Requests answered since the start, those refused by the front included.
    pub requests: u64,
    /// Requests answered with a status of 1xx, 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 5],
    /// Connections closed because the client was too slow.
    pub timeouts: u64,
    /// Bytes of whole bodies handed to the handler.
    pub body_bytes: u64,
}

impl HttpMetrics {
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.connections.increment();
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = self.answers.get(class) {
            counter.increment();
        }
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> HttpStats {
        let by_class = self.answers.each_ref().map(Counter::value);
        HttpStats {
            connections_open: self.open.load(Ordering::Relaxed),
            connections_total: self.connections.value(),
            connections_refused: self.refused.value(),
            requests: by_class.iter().sum(),
            by_class,
            timeouts: self.timeouts.value(),
            body_bytes: self.body_bytes.value(),
        }
    }
}
