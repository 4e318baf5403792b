//! The events of a queue that are ready, in the order of their places.
//!
//! What came by commit and was never touched is 24 bytes in a deque that is only appended to;
//! everything else (back after a failure, dead-lettered, redriven) is an exception in a tree. So
//! a backlog of millions costs little, and the next form can put a cursor over the log in place
//! of the deque without changing what is outside of this file.

use std::collections::{BTreeMap, VecDeque};

use super::item::{Item, Place};
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Backlog {
    fresh: VecDeque<Slot>,
    gone: usize,
    exceptions: BTreeMap<Place, Item>,
}

/// An [`Item`] to which nothing has happened, packed.
#[derive(Debug, Clone, Copy)]
struct Slot {
    position: u64,
    received_at: Timestamp,
    weight: u32,
    part: u16,
    presence: Presence,
}

const _: () = assert!(size_of::<Slot>() <= 24, "a backlog event must stay small");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Here,
    /// Taken out of the middle; left in its slot until the slots before it are gone too.
    Gone,
}

impl Backlog {
    pub(super) fn insert(&mut self, item: Item) {
        let newest = self.fresh.back().map(Slot::place);
        if item.is_fresh() && newest.is_none_or(|newest| newest < item.place) {
            self.fresh.push_back(Slot::of(&item));
        } else {
            self.exceptions.insert(item.place, item);
        }
    }

    /// Takes out the item with the smallest place.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let exception = self.exceptions.first_key_value().map(|(place, _)| *place);
        let fresh = self.fresh.front().map(Slot::place);
        let take_fresh = match (fresh, exception) {
            (Some(fresh), Some(exception)) => fresh < exception,
            (fresh, None) => fresh.is_some(),
            (None, Some(_)) => false,
        };
        if !take_fresh {
            return self.exceptions.pop_first().map(|(_, item)| item);
        }
        let item = self.fresh.pop_front().map(Slot::item);
        self.trim();
        item
    }

    /// Takes out the item at this place.
    pub(super) fn take(&mut self, place: Place) -> Option<Item> {
        if let Some(item) = self.exceptions.remove(&place) {
            return Some(item);
        }
        let at = self.fresh.binary_search_by_key(&place, Slot::place).ok()?;
        let slot = self.fresh.get_mut(at)?;
        if slot.presence == Presence::Gone {
            return None;
        }
        let item = slot.item();
        slot.presence = Presence::Gone;
        self.gone += 1;
        self.trim();
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        self.untouched() + self.exceptions.len()
    }

    /// How many items came by commit and were never touched.
    pub(super) fn untouched(&self) -> usize {
        self.fresh.len() - self.gone
    }

    /// When the item with the smallest place was received.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        let fresh = self.fresh.front().map(|slot| slot.received_at);
        let exception = self.exceptions.first_key_value().map(|(_, item)| item.received_at);
        fresh.into_iter().chain(exception).min()
    }

    /// The items to which something has happened, in the order of their places.
    pub(super) fn exceptions(&self) -> impl Iterator<Item = &Item> {
        self.exceptions.values()
    }

    /// Keeps a live slot in front, and gives memory back after a large backlog.
    fn trim(&mut self) {
        while self.fresh.front().is_some_and(|slot| slot.presence == Presence::Gone) {
            self.fresh.pop_front();
            self.gone -= 1;
        }
        if self.fresh.capacity() > SLOTS_KEPT && self.fresh.len() < self.fresh.capacity() / 4 {
            self.fresh.shrink_to(self.fresh.len() * 2);
        }
    }
}

impl Slot {
    fn of(item: &Item) -> Self {
        Self {
            position: item.place.position,
            received_at: item.received_at,
            weight: item.weight,
            part: item.place.part,
            presence: Presence::Here,
        }
    }

    fn place(&self) -> Place {
        Place::committed(self.position, self.part)
    }

    fn item(self) -> Item {
        Item::fresh(self.place(), self.received_at, self.weight)
    }
}

/// Slots that a queue keeps room for when it is empty.
const SLOTS_KEPT: usize = 4096;
