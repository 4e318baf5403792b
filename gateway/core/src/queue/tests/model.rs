//! A model of a queue that is too simple to be wrong: a list of events, each of them somewhere.
//! It follows what the machine says, and checks that each thing it says was right to say.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lives::APART_MS_MAX;
use super::super::{
    Change, Delivery, DropCause, Effect, Item, Lease, LeaseNumber, OnExpiry, Place, Policy,
    Priority, Replayed, Wish,
};
use super::world::item_of;
use crate::letter::Cause;
use crate::time::{Moment, Timestamp};

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Nothing has happened to it.
    Lane,
    /// It is ready, or blocked by another one of its key.
    Up,
    Leased(LeaseNumber, Timestamp),
    /// By the steady clock.
    Waits(Timestamp),
    /// By the wall clock.
    Scheduled(Timestamp),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) item: Item,
    pub(super) at: Where,
    /// By the steady clock.
    pub(super) end: Option<Timestamp>,
}

impl Known {
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.end.is_some_and(|end| end <= now.steady)
    }
}

/// What a log would say.
#[derive(Debug, Clone)]
pub(super) enum Note {
    Arrived(Item),
    Happened(Place, Replayed),
}

/// What is handed out next, and what was passed by on the way.
struct Picked {
    item: Option<Item>,
    came_up: BTreeSet<Place>,
    condemned: BTreeSet<Place>,
}

pub(super) struct Model {
    pub(super) policy: Policy,
    pub(super) now: Moment,
    /// How the clocks stood when the last of them was noticed to be set.
    pub(super) clocks: Moment,
    pub(super) events: BTreeMap<Place, Known>,
    pub(super) notes: Vec<Note>,
    pub(super) wishes: Vec<Wish>,
    /// Lanes whose last load failed.
    pub(super) failing: BTreeSet<Priority>,
    /// Lanes that are asked for at the end of this turn: nothing of them was left in memory.
    pub(super) run_out: BTreeSet<Priority>,
    /// Purges under way, with the events that they need not drop.
    pub(super) purges: Vec<(u64, Place, BTreeSet<Place>)>,
    /// Every lease that was ever given, so that old receipts are tried too.
    pub(super) leases: Vec<(LeaseNumber, Place)>,
    pub(super) left: BTreeMap<Place, Item>,
    pub(super) acked: u64,
    pub(super) lost: u64,
    /// Events that a hand-out passed by, because they are to be dropped or given up.
    condemned: BTreeSet<Place>,
    /// Arrivals that a hand-out passed by, because they wait for another one of their key.
    came_up: BTreeSet<Place>,
    pub(super) moves: BTreeSet<(&'static str, &'static str)>,
}

impl Model {
    pub(super) fn new(policy: Policy, now: Moment) -> Self {
        Self {
            policy,
            now,
            clocks: now,
            events: BTreeMap::new(),
            notes: Vec::new(),
            wishes: Vec::new(),
            failing: BTreeSet::new(),
            run_out: BTreeSet::new(),
            purges: Vec::new(),
            leases: Vec::new(),
            left: BTreeMap::new(),
            acked: 0,
            lost: 0,
            condemned: BTreeSet::new(),
            came_up: BTreeSet::new(),
            moves: BTreeSet::new(),
        }
    }

    pub(super) fn arrive(&mut self, item: Item) {
        let at = item.terms.deliver_at.map_or(Where::Lane, Where::Scheduled);
        self.notes.push(Note::Arrived(item));
        self.moves.insert(("[*]", word(at)));
        let expected = self.clocks.wall_at(self.now.steady);
        let apart = expected.since(self.now.wall).max(self.now.wall.since(expected));
        if apart.as_millis() > APART_MS_MAX {
            self.clocks = self.now;
        }
        let end = item.terms.expires_at.map(|at| self.clocks.steady_at(at));
        self.events.insert(item.id, Known { item, at, end });
    }

    /// Waits that are over are over.
    pub(super) fn ripen(&mut self) {
        let Moment { wall, steady } = self.now;
        for known in self.events.values_mut() {
            let over = match known.at {
                Where::Waits(until) => until <= steady,
                Where::Scheduled(until) => until <= wall,
                Where::Lane | Where::Up | Where::Leased(..) => false,
            };
            if over {
                self.moves.insert((word(known.at), "Ready"));
                known.at = Where::Up;
            }
        }
    }

    pub(super) fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Load(wish) => {
                let known = self.wishes.iter().any(|known| known.priority == wish.priority);
                assert!(!known, "one load at a time for a lane");
                self.failing.remove(&wish.priority);
                self.wishes.push(*wish);
            }
            Effect::Record(changes) | Effect::Settle { changes, .. } => self.change_all(changes),
            Effect::Counted { call, count, changes } => {
                self.change_all(changes);
                if let Some(at) = self.purges.iter().position(|(known, ..)| known == call) {
                    let (_, up_to, spared) = self.purges.remove(at);
                    let left = self.events.range(..=up_to).find(|(id, known)| {
                        !matches!(known.at, Where::Leased(..)) && !spared.contains(id)
                    });
                    assert!(left.is_none(), "purged, but still here: {left:?}");
                    return;
                }
                assert_eq!(*count, changes.len() as u64);
            }
            Effect::HandOut { leases, .. } => self.hand_out(leases),
        }
    }

    fn change_all(&mut self, changes: &[Change]) {
        assert!(changes.len() <= 4_000, "a turn is bounded");
        changes.iter().for_each(|change| self.change(change));
    }

    fn change(&mut self, change: &Change) {
        let item = item_of(change);
        let known = self.events.get(&item.id).copied().expect("what changes is here");
        assert_eq!(known.item.id, item.id);
        let leased = matches!(known.at, Where::Leased(..));
        let expired = known.is_over(self.now);
        let used_up = item.attempts >= self.policy.retry.attempts_max;
        match change {
            Change::Acked(_) => {
                assert!(leased);
                self.acked += 1;
            }
            Change::Lost(_) => {
                assert!(leased);
                self.lost += 1;
            }
            Change::Redriven { to, .. } => assert!(!leased && item.origin == Some(*to)),
            Change::Dropped { why: DropCause::Expired, .. } => {
                assert!(!leased && expired && self.policy.on_expiry == OnExpiry::Drop);
            }
            Change::Dropped { why: DropCause::Purged, .. } => {
                assert!(!leased && self.purges.iter().any(|(_, up_to, _)| item.id <= *up_to));
            }
            Change::Dropped { why: DropCause::Overflow, .. } => self.check_overflow(item),
            Change::DeadLettered { letter, .. } => {
                assert_eq!(letter.attempts, known.item.attempts);
                match letter.cause {
                    Cause::Expired => assert!(!leased && expired),
                    Cause::AttemptsExhausted => assert!(used_up),
                    Cause::GivenUp => assert!(leased),
                    other => panic!("{other:?}"),
                }
                assert!(letter.failures.len() <= letter.attempts as usize);
            }
            Change::Failed { until, why, .. } => {
                assert!(leased && !used_up);
                let wait = until.since(self.now.wall);
                let steady = self.now.steady.plus(wait);
                let at = if wait.is_zero() { Where::Up } else { Where::Waits(steady) };
                let (at_wall, why) = (self.now.wall, why.clone());
                let note = Replayed::Failed { at: at_wall, until: *until, why };
                self.notes.push(Note::Happened(item.id, note));
                return self.put(known.item, known.at, at);
            }
            Change::Returned(item) => {
                assert!(leased && item.attempts + 1 == known.item.attempts);
                self.notes.push(Note::Happened(item.id, Replayed::Returned));
                return self.put(*item, known.at, Where::Up);
            }
        }
        self.notes.push(Note::Happened(item.id, Replayed::Left));
        self.moves.insert((word(known.at), "[*]"));
        self.left.insert(item.id, known.item);
        self.events.remove(&item.id);
    }

    pub(super) fn put(&mut self, item: Item, from: Where, at: Where) {
        self.moves.insert((word(from), word(at)));
        let end = self.events.get(&item.id).and_then(|known| known.end);
        self.events.insert(item.id, Known { item, at, end });
    }

    fn check_overflow(&self, item: &Item) {
        let room = self.policy.drop_oldest.expect("there is a bound");
        assert!(self.events.len() as u64 > room.events_max);
        let ready = self.events.values().filter(|known| match known.at {
            Where::Lane => !self.failing.contains(&known.item.terms.priority),
            Where::Up => !self.is_blocked(&known.item),
            _ => false,
        });
        let oldest = ready.map(|known| known.item.id).min();
        let is_oldest = oldest.is_none_or(|oldest| oldest >= item.id);
        assert!(is_oldest, "{item:?} was dropped before {oldest:?}");
    }

    /// Whether another event of its key is out, or goes before it.
    pub(super) fn is_blocked(&self, item: &Item) -> bool {
        self.is_blocked_but_for(item, &BTreeSet::new(), &BTreeSet::new())
    }

    fn is_blocked_but_for(
        &self,
        item: &Item,
        gone: &BTreeSet<Place>,
        came_up: &BTreeSet<Place>,
    ) -> bool {
        let others = self.events.values().filter(|other| !gone.contains(&other.item.id));
        let mut of_key = others.filter(|other| other.item.terms.order_key == item.terms.order_key);
        let is_up = |other: &Known| other.at == Where::Up || came_up.contains(&other.item.id);
        item.terms.order_key.is_some()
            && item.attempts == 0
            && of_key
                .any(|other| other.item.attempts > 0 || (is_up(other) && other.item.id < item.id))
    }

    /// The turn is over: what was passed by is gone.
    pub(super) fn end_turn(&mut self) {
        self.came_up.clear();
        for id in std::mem::take(&mut self.condemned) {
            let still = self.events.get(&id);
            let unread = still.is_some_and(|known| {
                let level = &known.item.terms.priority;
                // A lane that is asked for at the end of a turn was unreadable during it.
                let failing = self.failing.contains(level) || self.run_out.contains(level);
                known.at == Where::Lane && failing
            });
            assert!(still.is_none() || unread, "{id:?} was passed by");
        }
    }

    /// What is to be handed out next, and what is on the way there and must go.
    ///
    /// `unread`: lanes whose first arrival the machine may not know. What must stay in line
    /// waits for it.
    fn pick(&self, without: &BTreeSet<Priority>, unread: &BTreeSet<Priority>) -> Picked {
        let (mut came_up, mut condemned) = (self.came_up.clone(), self.condemned.clone());
        came_up.retain(|id| {
            let known = self.events.get(id);
            known.is_some_and(|known| !without.contains(&known.item.terms.priority))
        });
        if self.policy.delivery == Delivery::Paused {
            return Picked { item: None, came_up, condemned };
        }
        loop {
            let here = |known: &&Known| !condemned.contains(&known.item.id);
            let tried = self.events.values().filter(here);
            let tried = tried.filter(|known| known.item.attempts > 0).count();
            let waits = |item: &Item| self.is_blocked_but_for(item, &condemned, &came_up);
            let in_lane =
                |known: &Known| known.at == Where::Lane && !came_up.contains(&known.item.id);
            let in_line = |known: &Known| {
                let item = &known.item;
                let mut others = self.events.values().filter(here).filter(|one| in_lane(one));
                let level = item.terms.priority;
                item.terms.order_key.is_some()
                    && item.attempts == 0
                    && (unread.contains(&level)
                        || others
                            .any(|one| one.item.terms.priority == level && one.item.id < item.id))
            };
            let ready = self.events.values().filter(here).filter(|known| match known.at {
                Where::Lane if !came_up.contains(&known.item.id) => {
                    tried < self.policy.held_max && !without.contains(&known.item.terms.priority)
                }
                Where::Lane => !waits(&known.item),
                Where::Up => !waits(&known.item) && !in_line(known),
                _ => false,
            });
            let next = ready
                .min_by_key(|known| (std::cmp::Reverse(known.item.terms.priority), known.item.id));
            let Some(known @ Known { item, at, .. }) = next.copied() else {
                return Picked { item: None, came_up, condemned };
            };
            let expired = known.is_over(self.now);
            if expired || item.attempts >= self.policy.retry.attempts_max {
                condemned.insert(item.id);
            } else if at == Where::Lane && waits(&item) {
                came_up.insert(item.id);
            } else {
                return Picked { item: Some(item), came_up, condemned };
            }
        }
    }

    /// What is to be handed out next: this one, if it may be. A lane whose last load failed may or
    /// may not have something in memory.
    fn pick_this(&self, id: Place) -> Picked {
        let failing: Vec<Priority> = self.failing.iter().copied().collect();
        let none = BTreeSet::new();
        let unread = self.unread();
        let some = |which: usize| {
            let lanes = failing.iter().enumerate();
            let lanes = lanes.filter(|(at, _)| which >> at & 1 == 1);
            let without = lanes.map(|(_, lane)| *lane).collect();
            [self.pick(&without, &none), self.pick(&without, &unread)]
        };
        let all = (0..1 << failing.len()).flat_map(some);
        let fits = |picked: &Picked| picked.item.is_some_and(|item| item.id == id);
        all.into_iter().find(fits).unwrap_or_else(|| self.pick(&none, &none))
    }

    fn unread(&self) -> BTreeSet<Priority> {
        let wished = self.wishes.iter().map(|wish| wish.priority);
        wished.chain(self.failing.iter().copied()).chain(self.run_out.iter().copied()).collect()
    }

    fn hand_out(&mut self, leases: &[Lease]) {
        for lease in leases {
            let picked = self.pick_this(lease.item.id);
            (self.condemned, self.came_up) = (picked.condemned, picked.came_up);
            let expected = picked.item.expect("something is ready");
            assert_eq!(lease.item.id, expected.id, "priority, then age");
            let before = self.events[&expected.id];
            self.check_line(&before.item);
            let item = Item { attempts: before.item.attempts + 1, ..before.item };
            assert_eq!(lease.item, item);
            self.put(item, before.at, Where::Leased(lease.number, lease.until));
            self.leases.push((lease.number, item.id));
            self.notes.push(Note::Happened(item.id, Replayed::Attempted(item.attempts)));
            for (_, _, spared) in &mut self.purges {
                spared.insert(item.id);
            }
        }
    }

    /// Within a key, an event goes for the first time only when none that came earlier is here,
    /// but for those that wait for a time of their own.
    fn check_line(&self, item: &Item) {
        let key = item.terms.order_key;
        if key.is_none() || item.attempts > 0 {
            return;
        }
        let older = self.events.range(..item.id).map(|(_, known)| known).find(|known| {
            let gone = self.condemned.contains(&known.item.id);
            known.item.terms.order_key == key && !gone && !matches!(known.at, Where::Scheduled(_))
        });
        assert!(older.is_none(), "{item:?} overtakes {older:?}");
    }

    /// Whoever asked got less than there may have been: something was on its way.
    pub(super) fn check_no_more(&self) {
        let more = self.pick(&self.failing, &self.unread()).item;
        assert!(more.is_none() || !self.wishes.is_empty(), "{more:?} could have been handed out");
    }
}

pub(super) fn word(at: Where) -> &'static str {
    match at {
        Where::Lane => "Backlog",
        Where::Up => "Ready",
        Where::Leased(..) => "Leased",
        Where::Waits(_) | Where::Scheduled(_) => "Delayed",
    }
}
