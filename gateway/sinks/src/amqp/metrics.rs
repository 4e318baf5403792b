//! What an AMQP sink counts, and how it stands.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_core::metrics::Counter;

/// The counters of one sink.
#[derive(Debug, Default)]
pub struct AmqpSinkMetrics {
    connected: AtomicBool,
    blocked: AtomicBool,
    why: Mutex<String>,
    /// Connections that were opened.
    pub connections: Counter,
    /// Messages that came back because no queue was bound for them.
    pub returned: Counter,
    /// Messages that the broker refused to confirm.
    pub nacked: Counter,
    /// Messages of which nothing was heard: they may have arrived.
    pub unconfirmed: Counter,
}

impl AmqpSinkMetrics {
    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether the broker takes nothing for now: it is short of memory or disk.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Why there is no connection.
    #[must_use]
    pub fn why(&self) -> String {
        self.why.lock().map(|why| why.clone()).unwrap_or_default()
    }

    pub(super) fn set_connected(&self, is: bool, why: &str) {
        self.connected.store(is, Ordering::Relaxed);
        if let Ok(mut now) = self.why.lock() {
            now.clear();
            now.push_str(why);
        }
    }

    pub(super) fn set_blocked(&self, is: bool) {
        self.blocked.store(is, Ordering::Relaxed);
    }
}
