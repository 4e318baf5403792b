//! What the MQTT listener counts.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_core::metrics::Counter;

/// The counters of the listener.
#[derive(Debug, Default)]
pub struct MqttMetrics {
    open: AtomicU64,
    pub(crate) connections: Counter,
    pub(crate) refused: Counter,
    pub(crate) unauthorised: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) violations: Counter,
    pub(crate) takeovers: Counter,
    pub(crate) published: Counter,
    pub(crate) unclaimed: Counter,
    pub(crate) sent: Counter,
    pub(crate) overflowed: Counter,
    pub(crate) retained_full: Counter,
    pub(crate) sessions_ended: Counter,
    sessions: AtomicU64,
    retained: AtomicU64,
    waiting: AtomicU64,
}

/// The counters of the listener at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MqttStats {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections taken since the start.
    pub connections: u64,
    /// Connections over a bound.
    pub refused: u64,
    /// CONNECT, PUBLISH and SUBSCRIBE packets that were not allowed.
    pub unauthorised: u64,
    /// Connections closed because the client was silent or too slow.
    pub timeouts: u64,
    /// Connections closed because the client broke the protocol.
    pub violations: u64,
    /// Connections that lost their place to another one of the same client.
    pub takeovers: u64,
    /// PUBLISH packets that came.
    pub published: u64,
    /// PUBLISH packets whose topic no source takes.
    pub unclaimed: u64,
    /// PUBLISH packets sent to subscribers.
    pub sent: u64,
    /// Messages for subscribers that found no room.
    pub overflowed: u64,
    /// Retained messages that found no room.
    pub retained_full: u64,
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// Sessions now, those of clients that are away among them.
    pub sessions: u64,
    /// Retained messages now.
    pub retained: u64,
    /// Messages that are written down for sessions now.
    pub waiting: u64,
}

impl MqttMetrics {
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.connections.increment();
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn hold(&self, (sessions, retained): (usize, usize), waiting: usize) {
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        self.sessions.store(sessions as u64, Ordering::Relaxed);
        self.retained.store(retained as u64, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> MqttStats {
        MqttStats {
            connections_open: self.open.load(Ordering::Relaxed),
            connections: self.connections.value(),
            refused: self.refused.value(),
            unauthorised: self.unauthorised.value(),
            timeouts: self.timeouts.value(),
            violations: self.violations.value(),
            takeovers: self.takeovers.value(),
            published: self.published.value(),
            unclaimed: self.unclaimed.value(),
            sent: self.sent.value(),
            overflowed: self.overflowed.value(),
            retained_full: self.retained_full.value(),
            sessions_ended: self.sessions_ended.value(),
            sessions: self.sessions.load(Ordering::Relaxed),
            retained: self.retained.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}
