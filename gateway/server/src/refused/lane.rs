//! The share of one source in the hand-over: how fast it may come, and how much of it may wait.
//!
//! What nobody signed has a way of its own, a narrow one: it takes no place of what may be the
//! provider's.
//!
//! What waits of all sources has one budget, and a source may have as much of it as is free beside:
//! one that floods takes half at most, and there is always room for the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_admission::Custody;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::RefusedClass;

use super::counters::RefusedCounters;
use crate::limiter::{Limiter, Rate};

/// The share of one source.
pub(super) struct Lane {
    pub(super) custody: Custody,
    pub(super) counters: Arc<RefusedCounters>,
    likely: Way,
    unsigned: Way,
    /// What is not kept is said now and then.
    pub(super) said: Limiter,
}

/// The share of one class.
struct Way {
    waiting_bytes: AtomicUsize,
    deliveries: Limiter,
    chunks: Limiter,
}

impl Lane {
    pub(super) fn new(custody: Custody) -> Self {
        Self {
            custody,
            counters: Arc::default(),
            likely: Way::new(DELIVERIES, CHUNKS),
            unsigned: Way::new(DELIVERIES_UNSIGNED, CHUNKS_UNSIGNED),
            said: Limiter::new(SAID),
        }
    }

    /// Whether one more of this size may wait; takes its place if so.
    pub(super) fn enter(
        &self,
        class: RefusedClass,
        bytes: usize,
        budget: &Budget,
        now: Timestamp,
    ) -> bool {
        self.way(class).enter(bytes, budget, now)
    }

    /// Gives its place back.
    pub(super) fn leave(&self, class: RefusedClass, bytes: usize, budget: &Budget) {
        self.way(class).leave(bytes, budget);
    }

    fn way(&self, class: RefusedClass) -> &Way {
        match class {
            RefusedClass::Likely => &self.likely,
            RefusedClass::Unsigned => &self.unsigned,
        }
    }
}

impl Way {
    fn new(deliveries: Rate, chunks: Rate) -> Self {
        let (deliveries, chunks) = (Limiter::new(deliveries), Limiter::new(chunks));
        Self { waiting_bytes: AtomicUsize::new(0), deliveries, chunks }
    }

    fn enter(&self, bytes: usize, budget: &Budget, now: Timestamp) -> bool {
        if self.deliveries.take(now).is_err() {
            return false;
        }
        for _ in 0..bytes.div_ceil(CHUNK_BYTES) {
            if self.chunks.take(now).is_err() {
                return false;
            }
        }
        let mine = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = budget.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = mine <= budget.bytes_max.saturating_sub(all).saturating_add(bytes);
        if !fits {
            self.leave(bytes, budget);
        }
        fits
    }

    fn leave(&self, bytes: usize, budget: &Budget) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        budget.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// How much may wait of all sources.
pub(super) struct Budget {
    pub(super) bytes_max: usize,
    waiting: AtomicUsize,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, waiting: AtomicUsize::new(0) }
    }
}

/// A provider with a wrong secret sends so much and less; who sends more is not worth the disk.
const DELIVERIES: Rate = Rate { per_second: 100, burst: 1000 };
const CHUNK_BYTES: usize = 64 * 1024;
/// 4 MiB a second, 64 MiB at once.
const CHUNKS: Rate = Rate { per_second: 64, burst: 1024 };
/// Without a signature a tenth of that is kept: more would only be taken away again.
const DELIVERIES_UNSIGNED: Rate = Rate { per_second: 10, burst: 100 };
/// 512 KiB a second, 8 MiB at once.
const CHUNKS_UNSIGNED: Rate = Rate { per_second: 8, burst: 128 };
const SAID: Rate = Rate { per_second: 1, burst: 1 };

#[cfg(test)]
mod tests {
    use super::*;
    use RefusedClass::{Likely, Unsigned};
    use sluicegate_admission::Scheme;

    fn lane() -> Lane {
        Lane::new(Custody::of(&Scheme::None))
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_700_000_000_000 + ms)
    }

    #[test]
    fn a_flood_takes_half_of_the_budget_and_leaves_room_for_the_others() {
        let budget = Budget::new(1000);
        let (flood, quiet) = (lane(), lane());
        let taken = (0..100).filter(|_| flood.enter(Likely, 100, &budget, at(0))).count();
        assert_eq!(taken, 5);
        assert!(
            quiet.enter(Likely, 100, &budget, at(0)) && quiet.enter(Likely, 100, &budget, at(0))
        );
        flood.leave(Likely, 100, &budget);
        assert!(!flood.enter(Likely, 600, &budget, at(0)), "what does not fit leaves no trace");
        quiet.leave(Likely, 100, &budget);
        quiet.leave(Likely, 100, &budget);
        assert!(flood.enter(Likely, 100, &budget, at(0)));
    }

    #[test]
    fn a_source_is_held_to_a_rate_of_deliveries_and_of_bytes() {
        let budget = Budget::new(usize::MAX / 4);
        let many = lane();
        assert_eq!((0..5000).filter(|_| many.enter(Likely, 10, &budget, at(0))).count(), 1000);
        assert!(many.enter(Likely, 10, &budget, at(10)));
        let large = lane();
        let mib = 1024 * 1024;
        assert_eq!((0..200).filter(|_| large.enter(Likely, mib, &budget, at(0))).count(), 64);
    }

    #[test]
    fn a_flood_without_signatures_leaves_the_way_free_for_what_is_signed() {
        let budget = Budget::new(64 * 1024 * 1024);
        let lane = lane();
        let entered = (0..5000).filter(|_| lane.enter(Unsigned, 10, &budget, at(0))).count();
        assert_eq!(entered, 100);
        assert_eq!((0..5000).filter(|_| lane.enter(Likely, 10, &budget, at(0))).count(), 1000);
    }
}
