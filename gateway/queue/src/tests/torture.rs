//! The power goes off at every step of a workload of more than a thousand operations: every write,
//! flush, rename, deletion, checkpoint and thinning. The workload runs once, and the disk is taken
//! through what was done to it; at each step it is cut, opened again and emptied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicegate_core::event::Event;
use sluicegate_core::queue::{Settled, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::time::{Clock, Timestamp};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::{Field, Store, StoreConfig, TermsRules};

/// What an event of the workload is in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Absent,
    Here,
    Dead,
    Gone,
}

/// A change that was asked for after so many steps of the disk, and of which its caller was told
/// that it is durable after so many.
#[derive(Debug)]
struct Turn {
    asked: u64,
    told: u64,
    to: Fate,
}

type Lives = BTreeMap<(&'static str, u64), Vec<Turn>>;

struct World {
    disk: SimulatedDisk,
    time: Arc<AtomicU64>,
    store: Store,
    random: Random,
    lives: Lives,
    next: u64,
    operations: u64,
    /// Whether time stands still: what timers do depends on when they fire.
    still: bool,
}

const QUEUES: [&str; 2] = ["a", "b"];
const START_MS: u64 = 1_800_000_000_000;

fn clock(time: &Arc<AtomicU64>) -> Clock {
    let time = Arc::clone(time);
    Clock::new(move || Timestamp::from_unix_ms(time.load(Ordering::Relaxed)))
}

/// Small segments; lines, priorities and delays in one queue; no end of attempts.
fn torn() -> StoreConfig {
    let mut config = StoreConfig { segment_bytes: 8 * 1024, ..config("") };
    config.queues.iter_mut().for_each(|queue| queue.retry.attempts_max = u32::MAX);
    config.queues[1].terms = TermsRules {
        order_by: Some(Field::Header("x-key".into())),
        priority_by: Some(Field::Header("x-priority".into())),
        deliver_at: Some(Field::Header("x-at".into())),
        ..TermsRules::default()
    };
    config
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        disk.record();
        let time = Arc::new(AtomicU64::new(START_MS));
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = Store::open_on(seam, &torn(), clock(&time)).unwrap();
        let (random, lives) = (Random(seed), Lives::new());
        Self { disk, time, store, random, lives, next: 0, operations: 0, still: false }
    }

    async fn work(&mut self, operations: u64) {
        while self.operations < operations {
            self.operations += 1;
            match self.random.below(if self.still { 35 } else { 40 }) {
                0..14 => self.commit().await,
                14..34 => self.consume().await,
                34 => self.redrive().await,
                35 => self.purge().await,
                _ => {
                    let ms = self.random.below(45_000);
                    self.pass(ms);
                }
            }
        }
    }

    fn pass(&self, ms: u64) {
        self.time.fetch_add(ms, Ordering::Relaxed);
    }

    fn event(&mut self) -> (u64, Event) {
        let number = self.next;
        self.next += 1;
        let mut event = event(number);
        let at = Timestamp::from_unix_ms(self.time.load(Ordering::Relaxed));
        let parts = event.parts_mut();
        parts.id = sluicegate_core::ids::EventId::new(at, number);
        parts.received_at = at;
        parts.headers.push("x-key", &(number % 4).to_string());
        parts.headers.push("x-priority", &(number % 3).to_string());
        if number.is_multiple_of(5) {
            parts.headers.push("x-at", &at.plus(Duration::from_secs(30)).rfc3339());
        }
        (number, event)
    }

    async fn commit(&mut self) {
        let (number, event) = self.event();
        let queues = match self.random.below(3) {
            0 => &QUEUES[..1],
            1 => &QUEUES[1..],
            _ => &QUEUES[..],
        };
        let asked = self.disk.steps();
        self.store.commit(routed(&event, None, queues)).await.unwrap();
        for queue in queues {
            self.turned(queue, number, asked, Fate::Here);
        }
    }

    async fn consume(&mut self) {
        let queue = QUEUES[self.random.below(2) as usize];
        let ask = Ask { max: 3, wait: Duration::ZERO, lease: Duration::from_secs(20) };
        for one in self.store.receive(&name(queue), ask).await.unwrap() {
            let number = number_of(&one.event);
            let (verb, fate) = match self.random.below(10) {
                0..6 => (Verb::Ack, Fate::Gone),
                6 => (Verb::GiveUp { reason: "never".into() }, Fate::Dead),
                7 | 8 => {
                    let seconds = if self.still { 0 } else { self.random.below(40) };
                    let delay = Some(Duration::from_secs(seconds));
                    (Verb::Nack { delay, reason: "later".into() }, Fate::Here)
                }
                // Held: its lease runs out.
                _ => continue,
            };
            let asked = self.disk.steps();
            let settlement = Settlement { receipt: one.receipt, verb };
            let settled = self.store.settle(&name(queue), vec![settlement]).await.unwrap();
            assert_eq!(settled, [Settled::Done]);
            self.turned(queue, number, asked, fate);
        }
    }

    async fn redrive(&mut self) {
        let dead = self.all(|fate| fate == Fate::Dead);
        let asked = self.disk.steps();
        let moved = self.store.redrive(&name("dead"), 10_000).await.unwrap().moved;
        assert_eq!(moved, dead.len() as u64);
        for (queue, number) in dead {
            self.turned(queue, number, asked, Fate::Here);
        }
    }

    async fn purge(&mut self) {
        // Every lease has run out: a purge leaves what is leased.
        self.pass(60_000);
        let here = self.all(|fate| fate == Fate::Here);
        let here: Vec<_> = here.into_iter().filter(|(queue, _)| *queue == "b").collect();
        let asked = self.disk.steps();
        let purged = self.store.purge(&name("b")).await.unwrap();
        assert_eq!(purged, here.len() as u64);
        for (queue, number) in here {
            self.turned(queue, number, asked, Fate::Gone);
        }
    }

    fn all(&self, wanted: impl Fn(Fate) -> bool) -> Vec<(&'static str, u64)> {
        let last = |turns: &Vec<Turn>| turns.last().is_some_and(|turn| wanted(turn.to));
        self.lives.iter().filter(|(_, turns)| last(turns)).map(|(key, _)| *key).collect()
    }

    fn turned(&mut self, queue: &'static str, number: u64, asked: u64, to: Fate) {
        let told = self.disk.steps();
        self.lives.entry((queue, number)).or_default().push(Turn { asked, told, to });
    }
}

/// What an event may be, if the power went off after so many steps.
fn possible(turns: &[Turn], step: u64) -> BTreeSet<Fate> {
    let mut fates = BTreeSet::from([Fate::Absent]);
    for turn in turns {
        if turn.told <= step {
            fates = BTreeSet::from([turn.to]);
        } else if turn.asked <= step {
            fates.insert(turn.to);
        }
    }
    fates
}

/// Opens a disk and empties every queue: how often each event was found, and where.
async fn found(disk: SimulatedDisk, at_ms: u64) -> BTreeMap<(&'static str, u64), Vec<Fate>> {
    let seam: Arc<dyn Disk> = Arc::new(disk);
    // Later than any delay of the workload.
    let time = Arc::new(AtomicU64::new(at_ms + 90 * 24 * 60 * 60 * 1000));
    let store = Store::open_on(seam, &torn(), clock(&time)).unwrap();
    let mut found: BTreeMap<_, Vec<Fate>> = BTreeMap::new();
    for queue in ["a", "b", "dead"] {
        loop {
            let ask = Ask { max: 100, wait: Duration::ZERO, lease: Duration::from_secs(20) };
            let some = store.receive(&name(queue), ask).await.unwrap();
            if some.is_empty() {
                break;
            }
            let mut settlements = Vec::new();
            for one in some {
                let origin = one.letter.as_ref().and_then(|letter| letter.origin.clone());
                let (of, fate) = match &origin {
                    Some(origin) => (origin.as_str(), Fate::Dead),
                    None => (queue, Fate::Here),
                };
                let of = QUEUES.into_iter().find(|queue| *queue == of).unwrap();
                found.entry((of, number_of(&one.event))).or_default().push(fate);
                settlements.push(Settlement { receipt: one.receipt, verb: Verb::Ack });
            }
            store.settle(&name(queue), settlements).await.unwrap();
        }
    }
    assert!(!store.metrics().poisoned);
    found
}

fn check(lives: &Lives, found: &BTreeMap<(&'static str, u64), Vec<Fate>>, step: u64, seed: u64) {
    for (key, turns) in lives {
        let possible = possible(turns, step);
        let is: &[Fate] = found.get(key).map_or(&[], Vec::as_slice);
        let fits = match is {
            [] => possible.contains(&Fate::Absent) || possible.contains(&Fate::Gone),
            [fate] => possible.contains(fate),
            _ => false,
        };
        assert!(
            fits,
            "seed {seed}, step {step}: {key:?} is {is:?}, may be {possible:?}: {turns:?}"
        );
    }
    assert!(found.keys().all(|key| lives.contains_key(key)), "seed {seed}, step {step}");
}

async fn torture(seed: u64, operations: u64) {
    let mut world = World::new(seed);
    world.work(operations).await;
    world.store.stop().await;
    let metrics = world.store.metrics();
    assert!(metrics.checkpoints > 5, "{} checkpoints", metrics.checkpoints);
    let at = world.time.load(Ordering::Relaxed);
    let mut replay = world.disk.replay();
    let mut steps = 0;
    while let Some(step) = replay.next() {
        steps += 1;
        let found = found(replay.cut(seed ^ step), at).await;
        check(&world.lives, &found, step, seed);
    }
    assert!(steps > operations, "{steps} steps");
}

#[tokio::test]
async fn a_power_cut_at_every_step_of_a_long_workload_loses_and_doubles_nothing() {
    torture(1, OPERATIONS).await;
}

#[tokio::test]
async fn a_power_cut_at_every_step_of_another_long_workload_loses_and_doubles_nothing() {
    torture(2, OPERATIONS).await;
}

#[tokio::test]
async fn the_same_seed_writes_the_same_log() {
    let mut logs = Vec::new();
    for _ in 0..2 {
        let mut world = World::new(5);
        world.still = true;
        world.work(200).await;
        world.store.stop().await;
        let names = world.disk.list("log").unwrap();
        let last = names.into_iter().filter(|name| name.ends_with(".log")).max().unwrap();
        let bytes = world.disk.bytes_of(&format!("log/{last}"));
        logs.push((last, bytes));
    }
    assert!(logs[0] == logs[1], "two runs of one seed differ");
}

const OPERATIONS: u64 = 1500;
