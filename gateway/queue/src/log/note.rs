//! What is known of one segment, for the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use sluicegate_core::queue::QueueNumber;
use sluicegate_core::time::Timestamp;

use crate::config::{Hold, Retain};

/// What is known of one segment.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// Events and letters in it that lie in a queue, once for each queue.
    pub(super) live: u64,
    /// How many there were, ever, as far as is known.
    pub(super) ever: u64,
    /// The first checkpoint that began when nothing in it was live any more: that one and all
    /// after it know nothing of the segment.
    pub(super) spare_since: Option<u32>,
    /// How many were live when it was last thinned. What was settled before is no longer in it.
    pub(super) thinned: Option<u64>,
    /// What `thinned` was before it was last chosen for thinning.
    pub(super) thinned_before: Option<u64>,
    /// When the newest event in it came into a queue.
    pub(super) newest: Timestamp,
    /// What came into each queue by entries in it.
    pub(super) arrived: BTreeMap<QueueNumber, Arrived>,
    /// Whether some of it was moved, at a time that is still to be found out.
    pub(super) moved: bool,
    /// The numbers of the idempotency keys that were remembered from it.
    pub(super) keys: Range<u64>,
}

/// What came into a queue in one segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived {
    /// The bytes of the events.
    pub(crate) bytes: u64,
    /// The other segments that they and their letters lie in: those that were moved here.
    pub(crate) refs: BTreeSet<u32>,
}

/// What the index of a segment says of its arrivals.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// When the newest event that a commit placed was received.
    pub(crate) newest: Timestamp,
    /// How many events commits placed.
    pub(crate) placed: u64,
    /// Whether events were moved into queues. When that was is not known; it was before what the
    /// segments after it received.
    pub(crate) moved: bool,
    pub(crate) arrived: BTreeMap<QueueNumber, Arrived>,
}

impl Note {
    /// Whether little of it is still needed, and much less than when it was last thinned.
    pub(super) fn is_sparse(&self) -> bool {
        let few = self.live > 0 && self.live.saturating_mul(THIN_WHEN_ONE_IN) < self.ever;
        // Again only when half of what stayed is gone.
        few && self.thinned.is_none_or(|then| self.live <= then / 2)
    }
}

/// Whether a queue keeps a segment of this age, when it has so many bytes in newer ones.
pub(super) fn is_retained(retain: Retain, age: Duration, newer_bytes: u64) -> bool {
    let Retain { time, bytes, hold } = retain;
    let in_time = time.map_or(bytes.is_some(), |time| age < time);
    let in_bytes = bytes.is_none_or(|bytes| newer_bytes < bytes);
    hold == Hold::Held || in_time && in_bytes
}

/// A segment is thinned when fewer than one in so many of its events are still needed.
const THIN_WHEN_ONE_IN: u64 = 7;
