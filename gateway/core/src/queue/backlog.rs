//! All lanes of a queue: the arrivals to which nothing has happened, by priority.

use std::collections::BTreeMap;

use super::item::{Item, Place, Priority};
use super::lane::{Head, Lane};
use super::snapshot::LaneSnapshot;
use super::traffic::Wish;
use crate::time::Timestamp;

/// All lanes of a queue.
#[derive(Debug)]
pub(super) struct Backlog {
    lanes: BTreeMap<Priority, Lane>,
    newest: Place,
    front_max: usize,
    /// Arrivals that turned out to be missing on disk and are not yet accounted for.
    missing: u64,
}

impl Backlog {
    pub(super) fn new(front_max: usize) -> Self {
        Self { lanes: BTreeMap::new(), newest: Place::START, front_max, missing: 0 }
    }

    /// This empty backlog, filled as a checkpoint kept it.
    pub(super) fn restored(self, kept: Vec<LaneSnapshot>, newest: Place) -> Self {
        let lane =
            |lane: LaneSnapshot| (lane.priority, Lane::restored(lane, newest, self.front_max));
        Self { lanes: kept.into_iter().map(lane).collect(), newest, ..self }
    }

    /// How many arrivals are in all lanes.
    pub(super) fn len(&self) -> u64 {
        self.lanes.values().map(Lane::len).sum()
    }

    /// The greatest id that came to this queue.
    pub(super) fn newest(&self) -> Place {
        self.newest
    }

    /// A greater id came, but not into a lane.
    pub(super) fn passed(&mut self, id: Place) {
        self.newest = self.newest.max(id);
    }

    pub(super) fn arrive(&mut self, item: Item) {
        self.lane_for(&item).arrive(item);
        self.passed(item.id);
    }

    /// As `arrive`, but the item is not kept in memory.
    pub(super) fn count(&mut self, item: &Item) {
        self.lane_for(item).count(item);
        self.passed(item.id);
    }

    /// The first arrival of each lane that has one, highest priority first.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Priority, Head)> {
        self.lanes.iter().rev().filter_map(|(priority, lane)| Some((*priority, lane.head()?)))
    }

    /// Whether an arrival of this priority may have come before this id.
    pub(super) fn has_before(&self, priority: Priority, id: Place) -> bool {
        let lane = self.lanes.get(&priority);
        lane.and_then(Lane::begins_after).is_some_and(|after| after < id)
    }

    /// Takes the first one of a lane out, if it is in memory.
    pub(super) fn take_first(&mut self, priority: Priority) -> Option<Item> {
        self.lanes.get_mut(&priority)?.take_first()
    }

    /// Takes this one out, in memory or on disk.
    pub(super) fn take(&mut self, wanted: &Item) -> Option<Item> {
        let lane = self.lanes.get_mut(&wanted.terms.priority)?;
        if let Some(item) = lane.take(wanted.id) {
            return Some(item);
        }
        let on_disk = wanted.terms.deliver_at.is_none() && lane.take_from_disk(wanted.id);
        on_disk.then_some(*wanted)
    }

    /// Takes out the one with this id, of whatever lane, and reads back what is needed for it.
    pub(super) fn recall(
        &mut self,
        id: Place,
        load: &mut dyn FnMut(Wish) -> Vec<Item>,
    ) -> Option<Item> {
        if id > self.newest {
            return None;
        }
        if let Some(item) = self.lanes.values_mut().find_map(|lane| lane.take(id)) {
            return Some(item);
        }
        for lane in self.lanes.values_mut() {
            self.missing += lane.load_to(id, self.newest, load);
            if let Some(item) = lane.take(id) {
                return Some(item);
            }
        }
        self.lanes.values_mut().find_map(|lane| lane.fetch(id, load))
    }

    /// What is to be read back now; each counts as under way from now on.
    pub(super) fn wishes(&mut self, now: Timestamp) -> Vec<Wish> {
        let newest = self.newest;
        self.lanes.values_mut().rev().filter_map(|lane| lane.wish(newest, now)).collect()
    }

    pub(super) fn is_wishing(&self, now: Timestamp) -> bool {
        self.lanes.values().any(|lane| lane.is_wishing(now))
    }

    /// When a lane asks again after a load that failed, by the steady clock.
    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(|lane| lane.retry_at).min()
    }

    pub(super) fn answer(&mut self, wish: Wish, found: Option<Vec<Item>>, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&wish.priority) {
            self.missing += lane.answer(wish, found, now);
        }
    }

    /// How many arrivals turned out to be missing since this was last asked.
    pub(super) fn take_missing(&mut self) -> u64 {
        std::mem::take(&mut self.missing)
    }

    /// Nothing is kept in memory: it is to be loaded again.
    pub(super) fn unload(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.unload();
        }
    }

    /// When the first of each lane was received, the earliest of them: a bound that is exact while
    /// events come in the order in which they were received.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(Lane::oldest).min()
    }

    /// The lanes that are not empty.
    pub(super) fn snapshot(&self) -> Vec<LaneSnapshot> {
        self.lanes.values().filter(|lane| lane.len() > 0).map(Lane::snapshot).collect()
    }

    /// How many arrivals are kept in memory.
    #[cfg(test)]
    pub(super) fn loaded(&self) -> usize {
        self.lanes.values().map(|lane| lane.front.len() + lane.recent.len()).sum()
    }

    fn lane_for(&mut self, item: &Item) -> &mut Lane {
        let priority = item.terms.priority;
        // What came before was in no lane of this priority, or is gone.
        let (newest, front_max) = (self.newest, self.front_max);
        self.lanes.entry(priority).or_insert_with(|| Lane::new(priority, newest, front_max))
    }
}
