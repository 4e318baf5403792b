//! Random walks of the machine beside the model, in virtual time: with loads that come late or
//! fail, clocks that jump, and crashes.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    Delivery, Effect, Input, Item, LeaseNumber, OnExpiry, Place, Policy, QueueNumber, QueueState,
    Room, SettleFault, Settled, Snapshot, Terms, Verb,
};
use super::life::{is_drawn, walks};
use super::model::{Model, Note, Where};
use super::steps::{Found, Kind, Step, Word, steps};
use super::world::{World, find, key, ms, policy, terms};
use crate::seams::Ask;
use crate::time::Timestamp;

pub(super) struct Walk {
    pub(super) world: World,
    pub(super) model: Model,
    base: Snapshot,
    front_max: usize,
    asked: bool,
}

impl Walk {
    pub(super) fn new(front_max: usize) -> Self {
        let mut world = World::new(policy(), front_max);
        let model = Model::new(policy(), world.now);
        assert!(world.handle(Input::Due).is_empty());
        Self { world, model, base: Snapshot::default(), front_max, asked: false }
    }

    /// Lets the machine take it in, and the model follow.
    fn handle(&mut self, input: Input) -> Vec<Effect> {
        self.model.now = self.world.now;
        self.model.ripen();
        if let Input::Policy(policy) = &input {
            self.model.policy = *policy;
        }
        let effects = self.world.handle(input);
        let loads = effects.iter().filter_map(|effect| match effect {
            Effect::Load(wish) => Some(wish.priority),
            _ => None,
        });
        self.model.run_out = loads.collect();
        effects.iter().for_each(|effect| self.model.apply(effect));
        self.model.end_turn();
        let answered = effects.iter().any(|effect| matches!(effect, Effect::HandOut { .. }));
        if answered {
            self.asked = false;
        }
        effects
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Arrive(kinds) => self.arrive(kinds),
            Step::Ask(max, lease) => self.ask(*max, ms(*lease)),
            Step::Settle(at, word) => self.settle(*at, *word),
            Step::Return(at) => self.end(*at, Input::Returned),
            Step::Lose(at) => self.end(*at, Input::Lost),
            Step::Redrive(at) => self.redrive(at),
            Step::Purge => self.purge(),
            Step::Pause(paused) => self.change(|policy| {
                policy.delivery = if *paused { Delivery::Paused } else { Delivery::Running };
            }),
            Step::Attempts(max) => self.change(|policy| policy.retry.attempts_max = *max),
            Step::HeldMax(max) => self.change(|policy| policy.held_max = *max),
            Step::Room(max) => self.change(|policy| {
                policy.drop_oldest = max.map(|max| Room { events_max: max, bytes_max: u64::MAX });
            }),
            Step::DeadLetterExpired(dead) => self.change(|policy| {
                policy.on_expiry = if *dead { OnExpiry::DeadLetter } else { OnExpiry::Drop };
            }),
            Step::Wait(time) => self.world.pass(ms(*time)),
            Step::SetClock(time) => {
                let back = self.world.now.wall.unix_ms().saturating_sub(2_000);
                self.world.now.wall = Timestamp::from_unix_ms(back + time);
            }
            Step::Answer(found) => self.answer(*found),
            Step::Checkpoint => self.checkpoint(),
            Step::Crash => self.crash(),
        }
        self.handle(Input::Due);
        self.check();
    }

    fn arrive(&mut self, kinds: &[Kind]) {
        let items: Vec<Item> = kinds
            .iter()
            .map(|kind| {
                let wall = self.world.now.wall;
                let terms = Terms {
                    order_key: key(kind.key),
                    deliver_at: kind.delay.map(|delay| wall.plus(ms(delay))),
                    expires_at: kind.ttl.map(|ttl| wall.plus(ms(ttl))),
                    // An ordering key wins over a priority.
                    ..terms(if kind.key > 0 { 0 } else { kind.level })
                };
                let mut item = self.world.event(terms);
                item.origin = kind.dead.then_some(QueueNumber(3));
                self.world.disk.insert(item.id, item);
                item
            })
            .collect();
        self.model.now = self.world.now;
        items.iter().for_each(|item| self.model.arrive(*item));
        self.handle(Input::Arrived(items));
    }

    fn ask(&mut self, max: usize, lease: Duration) {
        if self.asked {
            return;
        }
        self.asked = true;
        let terms = Ask { max, wait: Duration::ZERO, lease };
        let effects = self.handle(Input::Ask { ask: 1, terms });
        let given = effects.iter().find_map(|effect| match effect {
            Effect::HandOut { leases, .. } => Some(leases.len()),
            _ => None,
        });
        match given {
            Some(given) if given == max => {}
            Some(_) => self.model.check_no_more(),
            None => assert!(!self.model.wishes.is_empty(), "an ask waits for nothing"),
        }
    }

    fn settle(&mut self, at: usize, word: Word) {
        if self.model.leases.is_empty() {
            return;
        }
        let (lease, id) = self.model.leases[at % self.model.leases.len()];
        let verb = match word {
            Word::Ack => Verb::Ack,
            Word::Nack(delay) => Verb::Nack { delay: delay.map(ms), reason: "no".into() },
            Word::GiveUp => Verb::GiveUp { reason: "never".into() },
            Word::Extend(length) => Verb::Extend { lease: ms(length) },
        };
        let steady = self.world.now.steady;
        let holds = self.model.events.get(&id).filter(
            |known| matches!(known.at, Where::Leased(number, until) if number == lease && until > steady),
        );
        let held = holds.copied();
        if let (Word::Extend(length), Some(known)) = (word, held) {
            let used_up = known.item.attempts >= self.model.policy.retry.attempts_max;
            match length {
                0 if used_up => {}
                0 => self.model.put(known.item, known.at, Where::Up),
                _ => {
                    let at = Where::Leased(lease, steady.plus(ms(length)));
                    self.model.put(known.item, known.at, at);
                }
            }
        }
        let settlements = vec![(Some(lease), verb)];
        let effects = self.handle(Input::Settle { call: 5, settlements });
        let answer = effects.iter().find_map(|effect| match effect {
            Effect::Settle { call: 5, settled, changes } => Some((settled, changes)),
            _ => None,
        });
        let (settled, changes) = answer.expect("a settlement is answered");
        if held.is_none() {
            assert_eq!(settled, &[Settled::Refused(SettleFault::Stale)]);
            assert!(changes.is_empty());
        } else {
            assert_eq!(settled, &[Settled::Done]);
            assert_eq!(changes.is_empty(), matches!(word, Word::Extend(_)) && changes.is_empty());
        }
    }

    fn end(&mut self, at: usize, input: impl Fn(Vec<LeaseNumber>) -> Input) {
        if let Some((lease, _)) = self.model.leases.get(at % self.model.leases.len().max(1)) {
            self.handle(input(vec![*lease]));
        }
    }

    fn redrive(&mut self, at: &[usize]) {
        let known: Vec<Item> = self.model.events.values().map(|known| known.item).collect();
        let all: Vec<Item> = known.iter().chain(self.model.left.values()).copied().collect();
        if all.is_empty() {
            return;
        }
        let items: Vec<Item> = at.iter().map(|at| all[at % all.len()]).collect();
        self.model.now = self.world.now;
        self.handle(Input::Due);
        let wanted: BTreeSet<Place> = items
            .iter()
            .filter(|item| {
                let known = self.model.events.get(&item.id);
                item.origin.is_some()
                    && known.is_some_and(|known| !matches!(known.at, Where::Leased(..)))
            })
            .map(|item| item.id)
            .collect();
        let effects = self.handle(Input::Redrive { call: 6, items });
        let counted = effects.iter().find_map(|effect| match effect {
            Effect::Counted { call: 6, count, .. } => Some(*count),
            _ => None,
        });
        assert_eq!(counted, Some(wanted.len() as u64));
    }

    fn purge(&mut self) {
        let call = 100 + self.world.random;
        let newest = self.world.machine.view(self.world.now, Place::START, 0).newest;
        let leased = self.model.events.values();
        let leased = leased.filter(|known| matches!(known.at, Where::Leased(..)));
        let spared = leased.map(|known| known.item.id).collect();
        self.model.purges.push((call, newest, spared));
        self.handle(Input::Purge { call });
        let under_way = self.model.purges.iter().any(|(known, ..)| *known == call);
        assert!(!under_way || !self.model.wishes.is_empty() || !self.model.failing.is_empty());
    }

    fn change(&mut self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.model.policy;
        change(&mut policy);
        self.handle(Input::Policy(policy));
    }

    fn answer(&mut self, found: Found) {
        if self.model.wishes.is_empty() {
            return;
        }
        let wish = self.model.wishes.remove(0);
        let all = find(&self.world.disk, wish);
        let found = match found {
            Found::All => Some(all),
            Found::Some => Some(all.into_iter().take(2).collect()),
            Found::Unreadable => {
                self.model.failing.insert(wish.priority);
                None
            }
        };
        self.handle(Input::Loaded { wish, found });
    }

    fn checkpoint(&mut self) {
        self.handle(Input::Due);
        self.base = self.world.machine.snapshot(self.world.now);
        self.model.notes.clear();
    }

    fn crash(&mut self) {
        self.model.now = self.world.now;
        self.model.ripen();
        let now = self.world.now;
        let disk = &self.world.disk;
        let mut load = |wish| find(disk, wish);
        let empty = QueueState::with_front(self.model.policy, self.front_max);
        let mut machine = empty.restored(self.base.clone(), now);
        for note in &self.model.notes {
            match note {
                Note::Arrived(item) => machine.replay_arrival(*item, now),
                Note::Happened(id, what) => {
                    let before = machine.replay(*id, what.clone(), now, &mut load);
                    assert!(before.is_some(), "{id:?} is not here for {what:?}");
                }
            }
        }
        machine.finish_replay(self.model.policy, now);
        assert_eq!(machine.stats(now).handed_out, 0);
        self.world.machine = machine;
        self.asked = false;
        self.model.crash(&self.base);
    }

    fn check(&mut self) {
        let now = self.world.now;
        let machine = &self.world.machine;
        self.model.now = now;
        self.model.compare(&machine.view(now, Place::START, usize::MAX));
        let stats = machine.stats(now);
        let count = |wanted: fn(&Where) -> bool| {
            self.model.events.values().filter(|known| wanted(&known.at)).count() as u64
        };
        assert_eq!(stats.depth, self.model.events.len() as u64);
        assert_eq!(stats.leased, count(|at| matches!(at, Where::Leased(..))));
        assert_eq!(stats.delayed, count(|at| matches!(at, Where::Waits(_) | Where::Scheduled(_))));
        assert_eq!(stats.depth, stats.ready + stats.leased + stats.delayed + stats.blocked);
        assert_eq!(stats.bytes, 10 * stats.depth);
        assert_eq!((stats.acked, stats.lost), (self.model.acked, self.model.lost));
        self.check_due();
        self.check_snapshot();
    }

    /// The machine wakes no later than something is due, and not for nothing.
    fn check_due(&self) {
        let now = self.world.now;
        let due = self.world.machine.next_due(now);
        assert_ne!(due, Some(Duration::ZERO), "it has just had its turn");
        for known in self.model.events.values() {
            let expires = known.end.map(|at| at.since(now.steady));
            let expected = match known.at {
                Where::Lane => None,
                Where::Up => expires,
                Where::Leased(_, until) => Some(until.since(now.steady)),
                Where::Waits(until) => expires.into_iter().chain([until.since(now.steady)]).min(),
                Where::Scheduled(until) => expires.into_iter().chain([until.since(now.wall)]).min(),
            };
            if let Some(expected) = expected {
                assert!(due.is_some_and(|due| due <= expected), "{due:?} {known:?}");
            }
        }
    }

    /// A queue made of a snapshot keeps the same snapshot.
    fn check_snapshot(&self) {
        let now = self.world.now;
        let kept = self.world.machine.snapshot(now);
        let again = QueueState::from_snapshot(self.model.policy, kept.clone(), now);
        assert_eq!(again.snapshot(now), kept);
        let ids: BTreeSet<Place> = kept.held.iter().map(|held| held.item.id).collect();
        assert_eq!(ids.len(), kept.held.len());
    }

    /// Hands everything out and settles it: nothing is lost or doubled.
    fn drain(&mut self) {
        self.change(|policy| *policy = Policy { held_max: 1_000, ..super::world::policy() });
        for _ in 0..10_000 {
            if self.model.events.is_empty() {
                break;
            }
            self.step(&Step::Wait(30));
            self.step(&Step::Answer(Found::All));
            self.step(&Step::Ask(5, 1_000));
            while let Some(at) = self.model.leases.iter().rposition(|(number, id)| {
                let known = self.model.events.get(id);
                known.is_some_and(
                    |known| matches!(known.at, Where::Leased(held, _) if held == *number),
                )
            }) {
                self.step(&Step::Settle(at, Word::Ack));
            }
        }
        assert!(self.model.events.is_empty(), "left behind: {:?}", self.model.events);
        let stats = self.world.machine.stats(self.world.now);
        assert_eq!((stats.depth, stats.bytes), (0, 0));
    }
}

proptest! {
    #[test]
    fn the_machine_does_what_the_model_does(steps in steps(), front_max in 1_usize..6) {
        let mut walk = Walk::new(front_max);
        for step in &steps {
            walk.step(step);
        }
        walk.drain();
        let drawn = walks();
        for (from, to) in &walk.model.moves {
            prop_assert!(is_drawn(&drawn, from, to), "life.md does not draw {from} --> {to}");
        }
    }
}
