//! What a queue shows of itself: numbers, what lies in it, and what a checkpoint keeps.

use std::time::Duration;

use super::held::{Entry, Stand};
use super::item::Place;
use super::snapshot::{Held, Snapshot};
use super::state::{QueueState, Standing, View};
use super::words::QueueStats;
use crate::letter::Failure;
use crate::time::Moment;

impl QueueState {
    /// The queue in numbers; `dead` is not known here. The age of the oldest is that of the first
    /// arrival of each priority or of the oldest event to which something has happened: where
    /// arrivals came in another order than the gateway received them, as dead letters do, one
    /// further back may be older.
    #[must_use]
    pub fn stats(&self, now: Moment) -> QueueStats {
        let counts = self.held.counts();
        let depth = self.depth();
        let [leased, delayed, blocked] =
            [counts.leased, counts.delayed, counts.blocked].map(|count| count as u64);
        let oldest = self.held.oldest().into_iter().chain(self.backlog.oldest()).min();
        QueueStats {
            depth,
            ready: depth.saturating_sub(leased + delayed + blocked),
            leased,
            delayed,
            blocked,
            oldest_age: oldest.map_or(Duration::ZERO, |oldest| now.wall.since(oldest)),
            bytes: self.bytes,
            ..self.counters
        }
    }

    /// What a checkpoint keeps: events that are leased are ready in it, with their attempts.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        let held = |entry: &Entry| Held {
            item: entry.item,
            until: match entry.stand {
                Stand::Waits(until) => Some(now.wall_at(until)),
                Stand::Scheduled(until) => Some(until),
                Stand::Ready | Stand::Leased(..) | Stand::Blocked => None,
            },
            failures: self.failures.of(entry.item.id).to_vec(),
        };
        Snapshot {
            lanes: self.backlog.snapshot(),
            held: self.held.all().map(held).collect(),
            bytes: self.bytes,
            newest: self.backlog.newest(),
            at: now.wall,
        }
    }

    /// What lies in the queue after this id: at most so many of the events to which something has
    /// happened, and all the lanes.
    #[must_use]
    pub fn view(&self, now: Moment, after: Place, held_max: usize) -> View {
        let standing = |stand| match stand {
            Stand::Ready => Standing::Ready,
            Stand::Leased(_, until) => Standing::Leased(until),
            Stand::Waits(until) => Standing::Delayed(now.wall_at(until)),
            Stand::Scheduled(until) => Standing::Delayed(until),
            Stand::Blocked => Standing::Blocked,
        };
        let held = self.held.after(after).take(held_max);
        View {
            held: held.map(|entry| (entry.item, standing(entry.stand))).collect(),
            lanes: self.backlog.snapshot(),
            newest: self.backlog.newest(),
        }
    }

    /// The last failed attempts of the event with this id, oldest first.
    #[must_use]
    pub fn failures_of(&self, id: Place) -> &[Failure] {
        self.failures.of(id)
    }

    /// How many events are in the queue.
    pub(super) fn depth(&self) -> u64 {
        self.held.len() as u64 + self.backlog.len()
    }

    /// How many arrivals are kept in memory.
    #[cfg(test)]
    pub(super) fn loaded(&self) -> usize {
        self.backlog.loaded()
    }
}
