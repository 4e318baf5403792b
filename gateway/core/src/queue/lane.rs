//! The arrivals of one priority to which nothing has happened. Most of them are on disk: in
//! memory are counts by segment, the first ones (`front`), and the last ones (`recent`).
//!
//! An arrival that is to wait for a time of its own is never of a lane.

use std::collections::{BTreeSet, VecDeque};

use super::item::{Item, Place, Priority};
use super::loading::Loading;
use super::runs::{Copied, Runs};
use super::snapshot::LaneSnapshot;
use crate::time::Timestamp;

/// The arrivals of one priority.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) priority: Priority,
    /// About so many items are kept in `front`, and in `recent`.
    pub(super) front_max: usize,
    pub(super) runs: Runs,
    /// The first arrivals of the lane, without a gap.
    pub(super) front: VecDeque<Item>,
    /// The last arrivals, without a gap, if they are not in `front`: where the backlog is short,
    /// or is caught up with, nothing need be read back.
    pub(super) recent: VecDeque<Item>,
    /// Everything up to here left the lane.
    pub(super) after: Place,
    /// Everything up to here is in `front`, or left the lane.
    pub(super) loaded_to: Place,
    /// What is after `after` and left the lane all the same.
    pub(super) holes: BTreeSet<Place>,
    /// The last arrival.
    newest: Place,
    pub(super) loading: Option<Loading>,
    /// After a load that failed: when to ask again, by the steady clock.
    pub(super) retry_at: Option<Timestamp>,
}

/// The first arrival of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// It is in memory.
    Loaded(Item),
    /// It is on disk, somewhere after this place.
    OnDisk(Place),
    /// It is on disk, and could not be read when it was last tried.
    Unreadable,
}

impl Lane {
    /// A lane whose arrivals up to `after` are all gone.
    pub(super) fn new(priority: Priority, after: Place, front_max: usize) -> Self {
        Self {
            priority,
            front_max: front_max.max(1),
            runs: Runs::default(),
            front: VecDeque::new(),
            recent: VecDeque::new(),
            after,
            loaded_to: after,
            holes: BTreeSet::new(),
            newest: after,
            loading: None,
            retry_at: None,
        }
    }

    pub(super) fn restored(kept: LaneSnapshot, newest: Place, front_max: usize) -> Self {
        Self {
            runs: Runs::on_disk(kept.runs),
            holes: kept.holes.into_iter().collect(),
            newest,
            ..Self::new(kept.priority, kept.after, front_max)
        }
    }

    /// How many arrivals are in the lane.
    pub(super) fn len(&self) -> u64 {
        self.runs.left()
    }

    pub(super) fn head(&self) -> Option<Head> {
        if let Some(item) = self.front.front() {
            return Some(Head::Loaded(*item));
        }
        let after = self.begins_after()?;
        Some(if self.retry_at.is_some() { Head::Unreadable } else { Head::OnDisk(after) })
    }

    /// The place that all arrivals come after. `None` if there is none.
    pub(super) fn begins_after(&self) -> Option<Place> {
        if let Some(item) = self.front.front() {
            return Some(before(item.id));
        }
        let segment = self.runs.first_unloaded()?;
        Some(self.loaded_to.max(before(Place { position: u64::from(segment) << 32, part: 0 })))
    }

    /// When the first one was received, about: exactly, if it is in memory.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.front.front().map(|item| item.received_at).or_else(|| self.runs.oldest())
    }

    /// The newest arrival comes. It stays in memory if all before it is there too, or if it may
    /// soon be so.
    pub(super) fn arrive(&mut self, item: Item) {
        self.newest = item.id;
        if self.runs.unloaded() == 0 && self.front.len() < self.front_max {
            self.runs.add(item.id, item.received_at, Copied::Loaded);
            self.front.push_back(item);
            self.loaded_to = item.id;
            return;
        }
        self.runs.add(item.id, item.received_at, Copied::OnDisk);
        if self.recent.len() >= self.front_max {
            self.recent.clear();
        }
        self.recent.push_back(item);
    }

    /// The newest arrival is on disk.
    pub(super) fn count(&mut self, item: &Item) {
        self.newest = item.id;
        self.recent.clear();
        self.runs.add(item.id, item.received_at, Copied::OnDisk);
    }

    /// Takes the first one out, if it is in memory.
    pub(super) fn take_first(&mut self) -> Option<Item> {
        let item = self.front.pop_front()?;
        self.runs.take(item.id.segment(), Copied::Loaded);
        self.after = item.id;
        while self.holes.first().is_some_and(|hole| *hole <= self.after) {
            self.holes.pop_first();
        }
        if self.front.is_empty() {
            self.join_recent();
        }
        if let Some(next) = self.front.front() {
            self.runs.begins_with(next);
        }
        self.forget_if_empty();
        Some(item)
    }

    /// Takes this one out, if it is in memory as one of the first.
    pub(super) fn take(&mut self, id: Place) -> Option<Item> {
        let at = self.front.binary_search_by_key(&id, |item| item.id).ok()?;
        if at == 0 {
            return self.take_first();
        }
        let item = self.front.remove(at)?;
        self.runs.take(id.segment(), Copied::Loaded);
        self.holes.insert(id);
        Some(item)
    }

    /// Takes this one out, which is on disk. `false` if it cannot be there.
    pub(super) fn take_from_disk(&mut self, id: Place) -> bool {
        let here = id > self.loaded_to && id <= self.newest && !self.holes.contains(&id);
        if !here || self.runs.unloaded_in(id.segment()) == 0 {
            return false;
        }
        if let Ok(at) = self.recent.binary_search_by_key(&id, |item| item.id) {
            self.recent.remove(at);
        }
        self.runs.take(id.segment(), Copied::OnDisk);
        self.holes.insert(id);
        self.forget_if_empty();
        // It may have been all that was on disk only: then nothing is to be waited for.
        self.join_recent();
        true
    }

    /// Moves the last arrivals to the first ones, if nothing is between them.
    pub(super) fn join_recent(&mut self) {
        while self.recent.front().is_some_and(|item| item.id <= self.loaded_to) {
            self.recent.pop_front();
        }
        let room = self.front.len() < self.front_max;
        if !room || self.recent.is_empty() || self.runs.unloaded() != self.recent.len() as u64 {
            return;
        }
        for item in std::mem::take(&mut self.recent) {
            self.runs.load(item.id, item.received_at);
            self.loaded_to = item.id;
            self.front.push_back(item);
        }
    }

    /// Nothing is kept in memory: it is to be loaded again.
    pub(super) fn unload(&mut self) {
        self.front = VecDeque::new();
        self.recent = VecDeque::new();
        self.runs.unload();
        self.loaded_to = self.after;
        if let Some(loading) = &mut self.loading {
            loading.stale = true;
        }
    }

    pub(super) fn snapshot(&self) -> LaneSnapshot {
        LaneSnapshot {
            priority: self.priority,
            after: self.after,
            runs: self.runs.snapshot(),
            holes: self.holes.iter().copied().collect(),
        }
    }

    /// An empty lane needs no holes: everything that came is gone.
    pub(super) fn forget_if_empty(&mut self) {
        if self.len() == 0 {
            self.after = self.newest.max(self.after);
            self.loaded_to = self.after;
            self.holes.clear();
            self.recent.clear();
        }
    }
}

/// The place before this one.
pub(super) fn before(place: Place) -> Place {
    match place.part.checked_sub(1) {
        Some(part) => Place { part, ..place },
        None => Place { position: place.position.saturating_sub(1), part: u16::MAX },
    }
}
