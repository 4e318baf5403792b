//! The events to which something has happened, leased ones included, with an index for each
//! question that is asked of them: nothing here looks at every event.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::item::{Item, Place, Priority};
use super::lives::Lives;
use super::traffic::LeaseNumber;
use crate::time::Timestamp;

/// The events to which something has happened.
#[derive(Debug, Default)]
pub(super) struct HeldEvents {
    events: BTreeMap<Place, Entry>,
    leases: HashMap<LeaseNumber, Place>,
    ready: BTreeSet<(Reverse<Priority>, Place)>,
    /// Those of the ready ones that have an ordering key and were never out: they must not go
    /// before an arrival that came earlier.
    in_line: BTreeSet<(Reverse<Priority>, Place)>,
    /// Leases and waits that end by the steady clock.
    steady_ends: BTreeSet<(Timestamp, Place)>,
    /// Waits that end by the wall clock.
    wall_ends: BTreeSet<(Timestamp, Place)>,
    /// How long events live, the arrivals in the lanes included.
    pub(super) lives: Lives,
    /// When events expire that are not leased, by the steady clock.
    expiries: BTreeSet<(Timestamp, Place)>,
    received: BTreeSet<(Timestamp, Place)>,
    counts: Counts,
}

/// How many events are held, by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) leased: usize,
    pub(super) delayed: usize,
    pub(super) blocked: usize,
    /// Leased, or attempted before and not yet done with.
    pub(super) tried: usize,
}

/// An event that is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) stand: Stand,
}

/// What a held event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Ready,
    /// Until then by the steady clock.
    Leased(LeaseNumber, Timestamp),
    /// It waits until then by the steady clock.
    Waits(Timestamp),
    /// It waits until then by the wall clock.
    Scheduled(Timestamp),
    /// It waits for another one with its ordering key.
    Blocked,
}

impl HeldEvents {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len() + self.in_line.len()
    }

    pub(super) fn get(&self, id: Place) -> Option<&Entry> {
        self.events.get(&id)
    }

    pub(super) fn leased(&self, number: LeaseNumber) -> Option<&Entry> {
        self.events.get(self.leases.get(&number)?)
    }

    pub(super) fn insert(&mut self, item: Item, stand: Stand) {
        let id = item.id;
        self.remove(id);
        self.events.insert(id, Entry { item, stand });
        self.received.insert((item.received_at, id));
        if let Some(end) = self.lives.end_of(&item)
            && !matches!(stand, Stand::Leased(..))
        {
            self.expiries.insert((end, id));
        }
        self.counts.tried += usize::from(item.attempts > 0);
        match stand {
            Stand::Ready => {
                self.ready_of(&item).insert((Reverse(item.terms.priority), id));
            }
            Stand::Leased(number, until) => {
                self.counts.leased += 1;
                self.leases.insert(number, id);
                self.steady_ends.insert((until, id));
            }
            Stand::Waits(until) => {
                self.counts.delayed += 1;
                self.steady_ends.insert((until, id));
            }
            Stand::Scheduled(until) => {
                self.counts.delayed += 1;
                self.wall_ends.insert((until, id));
            }
            Stand::Blocked => self.counts.blocked += 1,
        }
    }

    pub(super) fn remove(&mut self, id: Place) -> Option<Entry> {
        let entry = self.events.remove(&id)?;
        let item = entry.item;
        self.received.remove(&(item.received_at, id));
        if let Some(end) = self.lives.end_of(&item) {
            self.expiries.remove(&(end, id));
        }
        self.counts.tried -= usize::from(item.attempts > 0);
        match entry.stand {
            Stand::Ready => {
                self.ready_of(&item).remove(&(Reverse(item.terms.priority), id));
            }
            Stand::Leased(number, until) => {
                self.counts.leased -= 1;
                self.leases.remove(&number);
                self.steady_ends.remove(&(until, id));
            }
            Stand::Waits(until) => {
                self.counts.delayed -= 1;
                self.steady_ends.remove(&(until, id));
            }
            Stand::Scheduled(until) => {
                self.counts.delayed -= 1;
                self.wall_ends.remove(&(until, id));
            }
            Stand::Blocked => self.counts.blocked -= 1,
        }
        Some(entry)
    }

    /// The event does something else from now on.
    pub(super) fn turn_to(&mut self, id: Place, stand: Stand) {
        if let Some(entry) = self.remove(id) {
            self.insert(entry.item, stand);
        }
    }

    /// The first ready one: of the highest priority, with the smallest id. Of those that must stay
    /// in line, only one for which `may_go`.
    pub(super) fn first_ready(
        &self,
        may_go: impl Fn(Priority, Place) -> bool,
    ) -> Option<(Priority, Place)> {
        let in_line = levels().filter_map(|level| first_of(&self.in_line, level));
        let in_line = in_line.filter(|(Reverse(level), id)| may_go(*level, *id));
        let first = self.ready.first().copied().into_iter().chain(in_line).min();
        first.map(|(Reverse(priority), id)| (priority, id))
    }

    /// The ready one with the smallest id, of whatever priority.
    pub(super) fn oldest_ready(&self) -> Option<Place> {
        let of_level = |level| {
            let both = [&self.ready, &self.in_line];
            both.into_iter().filter_map(move |set| first_of(set, level)).map(|(_, id)| id).min()
        };
        levels().filter_map(of_level).min()
    }

    /// The next lease or wait that ends by the steady clock.
    pub(super) fn next_steady(&self) -> Option<(Timestamp, Place)> {
        self.steady_ends.first().copied()
    }

    /// The next wait that ends by the wall clock.
    pub(super) fn next_wall(&self) -> Option<(Timestamp, Place)> {
        self.wall_ends.first().copied()
    }

    /// The next event that expires by the steady clock, of those that are not leased.
    pub(super) fn next_expiry(&self) -> Option<(Timestamp, Place)> {
        self.expiries.first().copied()
    }

    /// When the oldest was received.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.received.first().map(|(at, _)| *at)
    }

    /// The events after this id, in the order of their ids.
    pub(super) fn after(&self, id: Place) -> impl Iterator<Item = &Entry> {
        self.events.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, entry)| entry)
    }

    /// All events, in the order of their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.events.values()
    }

    fn ready_of(&mut self, item: &Item) -> &mut BTreeSet<(Reverse<Priority>, Place)> {
        let in_line = item.terms.order_key.is_some() && item.attempts == 0;
        if in_line { &mut self.in_line } else { &mut self.ready }
    }
}

fn levels() -> impl Iterator<Item = Priority> {
    (0..Priority::LEVELS).map(|level| Priority::new(u8::try_from(level).unwrap_or(u8::MAX)))
}

/// The one of this priority with the smallest id.
fn first_of(
    set: &BTreeSet<(Reverse<Priority>, Place)>,
    level: Priority,
) -> Option<(Reverse<Priority>, Place)> {
    let first = set.range((Reverse(level), Place::START)..).next().copied();
    first.filter(|(found, _)| *found == Reverse(level))
}
