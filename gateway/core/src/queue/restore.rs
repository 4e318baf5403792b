//! Rebuilding a queue: from what a checkpoint kept, and from what the log says came after.
//!
//! Ordering keys and leases are not replayed one by one: leases are void, and who is first of its
//! key is worked out at the end.

use super::backlog::Backlog;
use super::held::Stand;
use super::item::{Item, Place};
use super::keys::Keys;
use super::policy::Policy;
use super::rate::Rate;
use super::snapshot::Snapshot;
use super::state::QueueState;
use super::traffic::{Replayed, Wish};
use super::words::QueueStats;
use crate::letter::Failure;
use crate::limits::bounded_reason;
use crate::time::{Moment, Timestamp};

impl QueueState {
    /// Rebuilds: a queue as a checkpoint kept it.
    #[must_use]
    pub fn from_snapshot(policy: Policy, snapshot: Snapshot, now: Moment) -> Self {
        Self::new(policy).restored(snapshot, now)
    }

    /// This empty queue, filled as a checkpoint kept it.
    pub(super) fn restored(mut self, snapshot: Snapshot, now: Moment) -> Self {
        let Snapshot { lanes, held, bytes, newest, at } = snapshot;
        self.held.lives.begin(now);
        self.backlog = self.backlog.restored(lanes, newest);
        self.bytes = bytes;
        for event in held {
            for failure in event.failures {
                self.failures.add(event.item.id, failure);
            }
            let stand =
                event.until.map_or(Stand::Ready, |until| stand(&event.item, at, until, now));
            self.held.insert(event.item, stand);
        }
        self.line_up();
        self
    }

    /// Rebuilds: the log says that this event came. Calls come in the order of the log. One that
    /// the checkpoint knows of is not counted twice.
    pub fn replay_arrival(&mut self, item: Item, now: Moment) {
        if item.id <= self.backlog.newest() {
            return;
        }
        self.held.lives.begin(now);
        self.admit(item, |backlog: &mut Backlog, item| backlog.count(&item));
        let until = item.terms.deliver_at;
        if until.is_some_and(|until| until <= now.wall) {
            self.held.turn_to(item.id, Stand::Ready);
        }
    }

    /// Rebuilds: the log says that this happened to the event with this id. `load` reads arrivals
    /// back. Nothing happens if the event is not here: the entry that brought it was damaged, or
    /// the log has already said that it left. Returns the event as it was before.
    pub fn replay(
        &mut self,
        id: Place,
        what: Replayed,
        now: Moment,
        load: &mut dyn FnMut(Wish) -> Vec<Item>,
    ) -> Option<Item> {
        self.held.lives.begin(now);
        let held = self.held.get(id).map(|entry| entry.item);
        let before = held.or_else(|| self.backlog.recall(id, load));
        self.write_off_missing();
        let before = before?;
        match what {
            Replayed::Attempted(attempts) => {
                self.held.insert(Item { attempts, ..before }, Stand::Ready);
            }
            Replayed::Failed { at, until, why } => {
                let why = bounded_reason(why).into();
                self.failures.add(id, Failure { at, attempt: before.attempts, why });
                self.held.insert(before, stand(&before, at, until, now));
            }
            Replayed::Returned => {
                let attempts = before.attempts.saturating_sub(1);
                self.held.insert(Item { attempts, ..before }, Stand::Ready);
            }
            Replayed::Left => {
                self.forget(&before);
            }
        }
        Some(before)
    }

    /// Rebuilds: the whole log was read. What is counted since the start begins now, but for what
    /// the log turned out to have lost.
    pub fn finish_replay(&mut self, policy: Policy, now: Moment) {
        self.held.lives.begin(now);
        self.policy = policy;
        self.rate = Rate::new(policy.delivery_rate);
        self.backlog.unload();
        self.counters = QueueStats { lost: self.counters.lost, ..QueueStats::default() };
        self.line_up();
    }

    /// Counts the arrivals that the log should have had. Nobody knows their bytes: each had the
    /// average.
    pub(super) fn write_off_missing(&mut self) {
        let missing = self.backlog.take_missing();
        if missing == 0 {
            return;
        }
        self.counters.lost += missing;
        let depth = self.depth();
        let share = u128::from(self.bytes) * u128::from(depth) / u128::from(depth + missing);
        self.bytes = u64::try_from(share).unwrap_or(self.bytes);
    }

    /// Works out who is first of its ordering key: the one that was attempted, or else the one
    /// that came first. Those that wait for a time of their own are not in line yet.
    fn line_up(&mut self) {
        self.keys = Keys::default();
        let keyed = |tried: bool| {
            let of_kind = move |item: &Item| (item.attempts > 0) == tried;
            let items = self.held.all().map(|entry| (entry.item, entry.stand));
            let items = items.filter(move |(item, _)| item.terms.order_key.is_some());
            items.filter(move |(item, _)| of_kind(item)).collect::<Vec<_>>()
        };
        let (tried, fresh) = (keyed(true), keyed(false));
        for (item, stand) in tried.into_iter().chain(fresh) {
            let waits = matches!(stand, Stand::Waits(_) | Stand::Scheduled(_));
            if waits && item.attempts == 0 {
                continue;
            }
            let in_line = self.stand_in_line(&item);
            if in_line == Stand::Blocked || !waits {
                self.held.turn_to(item.id, in_line);
            }
        }
    }
}

/// What an event does that waited at `at` until then, both by the wall clock.
///
/// The time that its sender had asked for is held against the wall clock, wherever that was set.
/// The delay of a retry is a length of time: what is left of it cannot be more than it was then,
/// so that a clock that was set back does not keep the event for as long as the jump.
fn stand(item: &Item, at: Timestamp, until: Timestamp, now: Moment) -> Stand {
    let left = until.since(now.wall);
    if left.is_zero() {
        Stand::Ready
    } else if item.attempts == 0 && item.terms.deliver_at == Some(until) {
        Stand::Scheduled(until)
    } else {
        Stand::Waits(now.steady.plus(left.min(until.since(at))))
    }
}
