//! How events leave that nobody received: purged, dropped for want of room, redriven, seen to in
//! another way.

use super::held::Stand;
use super::item::{Item, Place, Priority};
use super::lane::Head;
use super::state::QueueState;
use super::traffic::{Change, Effect};
use super::turn::Turn;
use super::words::DropCause;

/// A purge that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purge {
    call: u64,
    /// Everything up to here is to go.
    up_to: Place,
    /// The held events up to here were seen to.
    seen_to: Place,
    count: u64,
}

/// The oldest event that could be handed out.
enum Oldest {
    Held(Place),
    Arrival(Priority),
}

impl Purge {
    pub(super) fn new(call: u64, up_to: Place) -> Self {
        Self { call, up_to, seen_to: Place::START, count: 0 }
    }
}

impl QueueState {
    /// Goes on with the purges, one after the other, as far as one turn allows.
    pub(super) fn purge_some(&mut self, turn: &mut Turn) {
        let mut left = PURGE_TURN_MAX;
        while let Some(mut purge) = self.purges.pop_front() {
            turn.record();
            let done = self.purge_lanes(&mut purge, &mut left, turn)
                && self.purge_held(&mut purge, &mut left, turn);
            if !done {
                self.purges.push_front(purge);
                return;
            }
            let changes = std::mem::take(&mut turn.changes);
            turn.effects.push(Effect::Counted { call: purge.call, count: purge.count, changes });
        }
    }

    /// Drops arrivals. The held events come after, because an arrival may become one meanwhile.
    /// `false` if some are left.
    fn purge_lanes(&mut self, purge: &mut Purge, left: &mut usize, turn: &mut Turn) -> bool {
        let mut on_disk = false;
        loop {
            let mut heads = self.backlog.heads();
            let found = heads.find_map(|(priority, head)| match head {
                Head::Loaded(item) => (item.id <= purge.up_to).then_some(priority),
                Head::OnDisk(after) => {
                    on_disk |= after < purge.up_to;
                    None
                }
                Head::Unreadable => {
                    on_disk = true;
                    None
                }
            });
            drop(heads);
            let Some(priority) = found else { return !on_disk };
            if !take_one(left, turn) {
                return false;
            }
            let Some(item) = self.backlog.take_first(priority) else { return false };
            self.drop_purged(item, purge, turn);
        }
    }

    fn purge_held(&mut self, purge: &mut Purge, left: &mut usize, turn: &mut Turn) -> bool {
        loop {
            let next = self.held.after(purge.seen_to).next().copied();
            let Some(entry) = next.filter(|entry| entry.item.id <= purge.up_to) else {
                return true;
            };
            if !take_one(left, turn) {
                return false;
            }
            purge.seen_to = entry.item.id;
            if !matches!(entry.stand, Stand::Leased(..)) {
                self.drop_purged(entry.item, purge, turn);
            }
        }
    }

    fn drop_purged(&mut self, item: Item, purge: &mut Purge, turn: &mut Turn) {
        self.forget(&item);
        self.counters.purged += 1;
        purge.count += 1;
        turn.changes.push(Change::Dropped { item, why: DropCause::Purged });
    }

    /// Drops the oldest ready events while there are too many.
    pub(super) fn make_room(&mut self, turn: &mut Turn) {
        let Some(room) = self.policy.drop_oldest else { return };
        while self.depth() > room.events_max || self.bytes > room.bytes_max {
            let Some(oldest) = self.oldest_ready() else { return };
            if !turn.spend() {
                return;
            }
            let item = match oldest {
                Oldest::Held(id) => self.held.get(id).map(|entry| entry.item),
                Oldest::Arrival(priority) => self.backlog.take_first(priority),
            };
            let Some(item) = item else { return };
            self.forget(&item);
            self.counters.overflowed += 1;
            turn.changes.push(Change::Dropped { item, why: DropCause::Overflow });
        }
    }

    /// The ready event with the smallest id. `None` if there is none, or if it must be read first.
    fn oldest_ready(&self) -> Option<Oldest> {
        let mut oldest = self.held.oldest_ready().map(|id| (id, Some(Oldest::Held(id))));
        for (priority, head) in self.backlog.heads() {
            let (id, found) = match head {
                Head::Loaded(item) => (item.id, Some(Oldest::Arrival(priority))),
                Head::OnDisk(after) => (after, None),
                Head::Unreadable => continue,
            };
            if oldest.as_ref().is_none_or(|(smallest, _)| id < *smallest) {
                oldest = Some((id, found));
            }
        }
        oldest.and_then(|(_, found)| found)
    }

    /// Moves dead letters back to where they came from.
    pub(super) fn redrive(&mut self, call: u64, items: Vec<Item>, turn: &mut Turn) {
        let before = turn.changes.len();
        for wanted in items {
            if wanted.origin.is_none() {
                continue;
            }
            let Some(item) = self.take_unleased(&wanted) else { continue };
            let Some(to) = item.origin else { continue };
            self.forget(&item);
            self.counters.redriven += 1;
            turn.changes.push(Change::Redriven { item, to });
        }
        let count = (turn.changes.len() - before) as u64;
        let changes = std::mem::take(&mut turn.changes);
        turn.effects.push(Effect::Counted { call, count, changes });
    }

    /// Acknowledges events that nobody holds.
    pub(super) fn discard(&mut self, call: u64, items: Vec<Item>, turn: &mut Turn) {
        let before = turn.changes.len();
        for wanted in items {
            let Some(item) = self.take_unleased(&wanted) else { continue };
            self.forget(&item);
            self.counters.acked += 1;
            turn.changes.push(Change::Acked(item));
        }
        let count = (turn.changes.len() - before) as u64;
        let changes = std::mem::take(&mut turn.changes);
        turn.effects.push(Effect::Counted { call, count, changes });
    }

    fn take_unleased(&mut self, wanted: &Item) -> Option<Item> {
        match self.held.get(wanted.id) {
            Some(entry) if matches!(entry.stand, Stand::Leased(..)) => None,
            Some(entry) => Some(entry.item),
            None => self.backlog.take(wanted),
        }
    }
}

/// One step of a purge, if the turn has room for it.
fn take_one(left: &mut usize, turn: &mut Turn) -> bool {
    turn.unfinished |= *left == 0;
    let may = *left > 0;
    *left = left.saturating_sub(1);
    may
}

/// Events that purges see to in one turn.
const PURGE_TURN_MAX: usize = 2_000;
