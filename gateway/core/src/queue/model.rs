//! The state machine against a model that is too simple to be wrong, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    Change, DeadLetters, Effect, Input, Item, LeaseNumber, Place, Policy, QueueNumber, QueueState,
    SettleFault, Settled, Verb,
};
use crate::retry::RetryPolicy;
use crate::seams::Ask;
use crate::time::Timestamp;

/// What the model knows of an event: one of these, and how often it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Ready,
    Leased(LeaseNumber, Timestamp),
    /// Since when, and until when at the latest: jitter is the machine's own.
    Delayed(Timestamp),
}

#[derive(Debug, Clone)]
enum Step {
    Arrive(usize),
    Ask(usize, u64),
    Ack(usize),
    Nack(usize, Option<u64>),
    GiveUp(usize),
    Extend(usize, u64),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1_usize..4).prop_map(Step::Arrive),
        (1_usize..4, 1_u64..50).prop_map(|(max, lease)| Step::Ask(max, lease)),
        any::<usize>().prop_map(Step::Ack),
        (any::<usize>(), proptest::option::of(0_u64..40)).prop_map(|(at, ms)| Step::Nack(at, ms)),
        any::<usize>().prop_map(Step::GiveUp),
        (any::<usize>(), 0_u64..60).prop_map(|(at, ms)| Step::Extend(at, ms)),
        (0_u64..30).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

const ATTEMPTS: u32 = 3;
const DEAD: QueueNumber = QueueNumber(9);

struct World {
    machine: QueueState,
    model: BTreeMap<Place, (Where, u32)>,
    /// Every lease that was ever given, so that old receipts are tried too.
    leases: Vec<(LeaseNumber, Place)>,
    dead: Vec<Place>,
    acked: Vec<Place>,
    now: Timestamp,
    next: u64,
}

impl World {
    fn new() -> Self {
        let retry = RetryPolicy {
            attempts_max: ATTEMPTS,
            wait_min: Duration::from_millis(4),
            wait_max: Duration::from_millis(20),
        };
        Self {
            machine: QueueState::new(Policy { retry, dead_letters: DeadLetters::MoveTo(DEAD) }),
            model: BTreeMap::new(),
            leases: Vec::new(),
            dead: Vec::new(),
            acked: Vec::new(),
            now: Timestamp::from_unix_ms(1_000),
            next: 1,
        }
    }

    /// The model's own rule of what time does: leases end, delays end.
    fn pass_time(&mut self) {
        let mut dead = Vec::new();
        for (place, (state, attempts)) in &mut self.model {
            match *state {
                Where::Leased(_, until) if until <= self.now => {
                    *state = Where::Ready;
                    if *attempts >= ATTEMPTS {
                        dead.push(*place);
                    }
                }
                Where::Delayed(until) if until <= self.now => *state = Where::Ready,
                _ => {}
            }
        }
        self.dead.extend(&dead);
        for place in dead {
            self.model.remove(&place);
        }
    }

    fn handle(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.machine.handle(input, self.now, self.next);
        self.next += 1;
        effects
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait(ms) => self.now = self.now.plus(Duration::from_millis(ms)),
            Step::Arrive(count) => self.arrive(count),
            Step::Ask(max, lease) => self.ask(max, Duration::from_millis(lease)),
            Step::Ack(at) => self.settle(at, Verb::Ack),
            Step::Nack(at, ms) => {
                let delay = ms.map(Duration::from_millis);
                self.settle(at, Verb::Nack { delay, reason: "no".into() });
            }
            Step::GiveUp(at) => self.settle(at, Verb::GiveUp { reason: "never".into() }),
            Step::Extend(at, ms) => {
                self.settle(at, Verb::Extend { lease: Duration::from_millis(ms) });
            }
        }
        self.pass_time();
        let recorded = self.handle(Input::Due);
        self.check(&recorded);
    }

    fn arrive(&mut self, count: usize) {
        let places: Vec<Place> =
            (0..count as u64).map(|n| Place::committed(self.next * 8 + n, 0)).collect();
        self.next += 1;
        let items = places.iter().map(|place| Item::fresh(*place, self.now, 10)).collect();
        self.pass_time();
        self.handle(Input::Arrived(items));
        self.model.extend(places.iter().map(|place| (*place, (Where::Ready, 0))));
    }

    fn ask(&mut self, max: usize, lease: Duration) {
        self.pass_time();
        let terms = Ask { max, wait: Duration::ZERO, lease };
        let effects = self.handle(Input::Ask { ask: 1, terms });
        let given = effects.iter().find_map(|effect| match effect {
            Effect::HandOut { ask: 1, leases } => Some(leases.clone()),
            _ => None,
        });
        let ready = self.model.iter_mut().filter(|(_, (state, _))| *state == Where::Ready);
        let expected = ready.take(max);
        let given = given.expect("a question without a wait is answered at once");
        let mut count = 0;
        for ((place, (state, attempts)), lease) in expected.zip(&given) {
            assert_eq!(lease.item.place, *place, "the oldest ready event comes first");
            *attempts += 1;
            assert_eq!(lease.item.attempts, *attempts);
            *state = Where::Leased(lease.number, lease.until);
            self.leases.push((lease.number, *place));
            count += 1;
        }
        assert_eq!(count, given.len(), "nothing but what is ready is handed out");
    }

    fn settle(&mut self, at: usize, verb: Verb) {
        self.pass_time();
        if self.leases.is_empty() {
            return;
        }
        let (lease, place) = self.leases[at % self.leases.len()];
        let held = self.model.get(&place).copied();
        let holds = matches!(held, Some((Where::Leased(number, _), _)) if number == lease);
        let settlements = vec![(Some(lease), verb.clone())];
        let effects = self.handle(Input::Settle { call: 5, settlements });
        let answer = effects.iter().find_map(|effect| match effect {
            Effect::Settle { call: 5, settled, changes } => Some((settled, changes)),
            _ => None,
        });
        let (settled, changes) = answer.expect("a settlement is answered");
        if !holds {
            assert_eq!(settled, &[Settled::Refused(SettleFault::Stale)]);
            assert!(changes.is_empty());
            return;
        }
        assert_eq!(settled, &[Settled::Done]);
        let attempts = held.expect("it is held").1;
        match verb {
            Verb::Ack => {
                self.model.remove(&place);
                self.acked.push(place);
            }
            Verb::GiveUp { .. } => self.bury(place),
            Verb::Nack { .. } if attempts >= ATTEMPTS => self.bury(place),
            Verb::Nack { delay, .. } => {
                let until = changes.iter().find_map(|change| match change {
                    Change::Delayed { until, .. } => Some(*until),
                    _ => None,
                });
                assert_eq!(until.is_none(), delay == Some(Duration::ZERO));
                if let (Some(until), Some(delay)) = (until, delay) {
                    assert_eq!(until, self.now.plus(delay));
                }
                let state = until.map_or(Where::Ready, Where::Delayed);
                self.model.insert(place, (state, attempts));
            }
            Verb::Extend { lease: length } => {
                let until = self.now.plus(length);
                self.model.insert(place, (Where::Leased(lease, until), attempts));
            }
        }
    }

    fn bury(&mut self, place: Place) {
        self.model.remove(&place);
        self.dead.push(place);
    }

    fn check(&self, recorded: &[Effect]) {
        for effect in recorded {
            let Effect::Record(changes) = effect else { panic!("{effect:?}") };
            for change in changes {
                let Change::DeadLettered { item, to, letter } = change else {
                    panic!("{change:?}")
                };
                assert!(self.dead.contains(&item.place) && *to == DEAD);
                assert_eq!(letter.attempts, ATTEMPTS);
            }
        }
        let stats = self.machine.stats(self.now);
        let count = |wanted: fn(&Where) -> bool| {
            self.model.values().filter(|(state, _)| wanted(state)).count() as u64
        };
        assert_eq!(stats.ready, count(|state| *state == Where::Ready));
        assert_eq!(stats.leased, count(|state| matches!(state, Where::Leased(..))));
        assert_eq!(stats.delayed, count(|state| matches!(state, Where::Delayed(_))));
        assert_eq!(stats.bytes, 10 * self.model.len() as u64);
        assert_eq!(stats.acked, self.acked.len() as u64);
        assert_eq!(stats.dead_lettered, self.dead.len() as u64);
        let next = self.model.values().filter_map(|(state, _)| match state {
            Where::Leased(_, until) | Where::Delayed(until) => Some(*until),
            Where::Ready => None,
        });
        assert_eq!(self.machine.next_due(), next.min());
    }
}

proptest! {
    #[test]
    fn the_machine_does_what_the_model_does(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}

#[test]
fn waiting_consumers_are_served_in_the_order_in_which_they_came() {
    let mut world = World::new();
    let terms = Ask { max: 2, wait: Duration::from_millis(50), lease: Duration::from_secs(1) };
    for ask in 1..=3 {
        assert!(world.handle(Input::Ask { ask, terms }).is_empty(), "nothing is there");
    }
    world.handle(Input::Withdrawn(2));
    let items = (1..=3).map(|n| Item::fresh(Place::committed(n, 0), world.now, 1)).collect();
    let given: Vec<(u64, usize)> = world
        .handle(Input::Arrived(items))
        .iter()
        .map(|effect| match effect {
            Effect::HandOut { ask, leases } => (*ask, leases.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(given, [(1, 2), (3, 1)]);
    world.handle(Input::Ask { ask: 4, terms });
    assert_eq!(world.machine.next_due(), Some(world.now.plus(terms.wait)));
    world.now = world.now.plus(terms.wait);
    let over = world.handle(Input::Due);
    assert!(matches!(&over[..], [Effect::HandOut { ask: 4, leases }] if leases.is_empty()));
}
