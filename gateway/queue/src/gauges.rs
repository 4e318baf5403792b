//! What every thread may ask about a queue without asking its owner: how full it is.
//!
//! A commit reserves room before it is encoded, so that a quota is never exceeded by commits that
//! are on their way; room is given back when the event leaves the queue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sluicegate_core::queue::{Room, SourceTag};

/// How full a queue is.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    events: AtomicU64,
    bytes: AtomicU64,
    /// Events that this queue gave up and that lie in its dead-letter queue.
    dead: AtomicU64,
}

/// What lies in all queues, by source.
#[derive(Debug, Default)]
pub(crate) struct Sources(RwLock<HashMap<SourceTag, Arc<Gauges>>>);

impl Sources {
    /// The gauges of a source; made if nothing of it was there before.
    pub(crate) fn of(&self, source: SourceTag) -> Arc<Gauges> {
        if let Some(gauges) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&source) {
            return Arc::clone(gauges);
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(source).or_default())
    }

    /// An event of the source came into a queue.
    pub(crate) fn add(&self, source: SourceTag, weight: u32) {
        self.of(source).add(weight);
    }

    /// An event of the source left a queue, or was not stored after all.
    pub(crate) fn release(&self, source: SourceTag, weight: u32) {
        self.of(source).release(weight);
    }
}

/// The tag of a source: a hash of its name.
pub(crate) fn tag_of(source: &str) -> SourceTag {
    SourceTag(crc32c::crc32c(source.as_bytes()))
}

impl Gauges {
    /// Makes room for an event; `false` if there is none.
    pub(crate) fn reserve(&self, weight: u32, bounds: Room) -> bool {
        let weight = u64::from(weight);
        let events = self.events.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(weight, Ordering::Relaxed);
        let fits = events < bounds.events_max && bytes.saturating_add(weight) <= bounds.bytes_max;
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

    /// So many events were found.
    pub(crate) fn add_many(&self, events: u64, bytes: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
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

    /// How many events, and their bytes.
    pub(crate) fn load(&self) -> (u64, u64) {
        (self.events.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    pub(crate) fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }
}
