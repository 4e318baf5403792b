//! A queue in a small world for tests: its log in memory, a clock that only tests move.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use super::super::{
    Change, DeadLetters, Effect, Input, Item, Lease, LeaseNumber, OrderKey, Place, Policy,
    Priority, QueueNumber, QueueState, Settled, Terms, Verb, Wish,
};
use crate::retry::RetryPolicy;
use crate::seams::Ask;
use crate::time::{Moment, Timestamp};

pub(super) const DEAD: QueueNumber = QueueNumber(9);
pub(super) const ATTEMPTS: u32 = 3;

pub(super) struct World {
    pub(super) machine: QueueState,
    /// Every arrival that can be read back.
    pub(super) disk: BTreeMap<Place, Item>,
    pub(super) now: Moment,
    pub(super) random: u64,
    next: u64,
}

pub(super) fn policy() -> Policy {
    let retry = RetryPolicy {
        attempts_max: ATTEMPTS,
        wait_min: Duration::from_millis(4),
        wait_max: Duration::from_millis(20),
    };
    Policy::new(retry, DeadLetters::MoveTo(DEAD))
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn key(key: u64) -> Option<OrderKey> {
    NonZeroU64::new(key).map(OrderKey)
}

/// What an event is like that is to arrive.
pub(super) fn terms(level: u8) -> Terms {
    Terms { priority: Priority::new(level), ..Terms::default() }
}

pub(super) fn find(disk: &BTreeMap<Place, Item>, wish: Wish) -> Vec<Item> {
    let of_lane = |item: &&Item| {
        item.terms.priority == wish.priority
            && item.id.segment() == wish.segment
            && item.id > wish.after
            && item.id <= wish.up_to
    };
    disk.values().filter(of_lane).take(wish.count).copied().collect()
}

pub(super) fn changes(effects: &[Effect]) -> Vec<&Change> {
    fn of(effect: &Effect) -> &[Change] {
        match effect {
            Effect::Record(changes)
            | Effect::Settle { changes, .. }
            | Effect::Counted { changes, .. } => changes,
            Effect::HandOut { .. } | Effect::Load(_) => &[],
        }
    }
    effects.iter().flat_map(of).collect()
}

pub(super) fn item_of(change: &Change) -> &Item {
    match change {
        Change::Acked(item) | Change::Returned(item) | Change::Lost(item) => item,
        Change::Failed { item, .. }
        | Change::DeadLettered { item, .. }
        | Change::Redriven { item, .. }
        | Change::Dropped { item, .. } => item,
    }
}

impl World {
    pub(super) fn new(policy: Policy, front_max: usize) -> Self {
        let start = Timestamp::from_unix_ms(1_000_000);
        Self {
            machine: QueueState::with_front(policy, front_max),
            disk: BTreeMap::new(),
            now: Moment { wall: start, steady: Timestamp::from_unix_ms(5_000) },
            random: 1,
            next: 1,
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.wall = self.now.wall.plus(time);
        self.now.steady = self.now.steady.plus(time);
    }

    /// The wall time so long from now.
    pub(super) fn wall_in(&self, ms: u64) -> Timestamp {
        self.now.wall.plus(Duration::from_millis(ms))
    }

    /// An event that the log has got. Eight lie in a segment.
    pub(super) fn event(&mut self, terms: Terms) -> Item {
        let position = (self.next / 8 + 1) << 32 | (self.next % 8);
        self.next += 1;
        let id = Place { position, part: 0 };
        let item = Item { terms, ..Item::fresh(id, self.now.wall, 10) };
        self.disk.insert(id, item);
        item
    }

    pub(super) fn handle(&mut self, input: Input) -> Vec<Effect> {
        self.random += 1;
        self.machine.handle(input, self.now, self.random)
    }

    /// As `handle`, with every load answered at once.
    pub(super) fn run(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.handle(input);
        let mut at = 0;
        while at < effects.len() {
            if let Effect::Load(wish) = effects[at] {
                let found = Some(find(&self.disk, wish));
                effects.extend(self.handle(Input::Loaded { wish, found }));
            }
            at += 1;
        }
        effects.retain(|effect| !matches!(effect, Effect::Load(_)));
        effects
    }

    /// Lets events with these terms arrive.
    pub(super) fn arrive(&mut self, terms: &[Terms]) -> Vec<Place> {
        let items: Vec<Item> = terms.iter().map(|terms| self.event(*terms)).collect();
        let effects = self.run(Input::Arrived(items.clone()));
        assert!(changes(&effects).is_empty(), "{effects:?}");
        items.iter().map(|item| item.id).collect()
    }

    /// Asks without waiting, with leases of a second.
    pub(super) fn ask(&mut self, max: usize) -> Vec<Lease> {
        self.ask_for(max, ms(1_000))
    }

    pub(super) fn ask_for(&mut self, max: usize, lease: Duration) -> Vec<Lease> {
        let terms = Ask { max, wait: Duration::ZERO, lease };
        let effects = self.run(Input::Ask { ask: 1, terms });
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::HandOut { ask: 1, leases } => Some(leases),
            _ => None,
        });
        answer.expect("a question without a wait is answered when all is loaded")
    }

    pub(super) fn settle(&mut self, lease: LeaseNumber, verb: Verb) -> (Settled, Vec<Change>) {
        let settlements = vec![(Some(lease), verb)];
        let effects = self.run(Input::Settle { call: 5, settlements });
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Settle { call: 5, mut settled, changes } => Some((settled.remove(0), changes)),
            _ => None,
        });
        answer.expect("a settlement is answered")
    }
}

pub(super) fn nack(delay: Option<u64>) -> Verb {
    Verb::Nack { delay: delay.map(Duration::from_millis), reason: "no".into() }
}
