//! What every thread may ask about a queue without asking its owner: how full it is.
//!
//! A commit reserves room before it is encoded, so that a quota is never exceeded by commits that
//! are on their way; room is given back when the event leaves the queue.

use std::sync::atomic::{AtomicU64, Ordering};

/// How full a queue is.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    events: AtomicU64,
    bytes: AtomicU64,
    /// Events that this queue gave up and that lie in its dead-letter queue.
    dead: AtomicU64,
}

/// How full a queue may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) events_max: u64,
    pub(crate) bytes_max: u64,
}

impl Gauges {
    /// Makes room for an event; `false` if there is none.
    pub(crate) fn reserve(&self, weight: u32, quota: Quota) -> bool {
        let weight = u64::from(weight);
        let events = self.events.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(weight, Ordering::Relaxed);
        let fits = events < quota.events_max && bytes.saturating_add(weight) <= quota.bytes_max;
        if !fits {
            self.release(weight as u32);
        }
        fits
    }

    /// The queue was found so full.
    pub(crate) fn fill(&self, events: u64, bytes: u64) {
        self.events.store(events, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// An event came that no quota holds back: dead-lettered, redriven, or read from the log.
    pub(crate) fn add(&self, weight: u32) {
        self.events.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(u64::from(weight), Ordering::Relaxed);
    }

    /// An event left, or was not stored after all.
    pub(crate) fn release(&self, weight: u32) {
        self.events.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    pub(crate) fn dead_came(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dead_left(&self) {
        self.dead.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }
}
