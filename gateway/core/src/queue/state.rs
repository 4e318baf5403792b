//! The state machine of one queue: ready, leased and delayed events, and consumers that wait.
//!
//! `handle` is the only way in while the queue runs; `restore_*` and `take` rebuild the state
//! from the log before. Leases are not restored: after a restart every event that was leased is
//! ready, with its attempts. Time and randomness are arguments.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::backlog::Backlog;
use super::item::{Item, Place};
use super::policy::Policy;
use super::traffic::{Change, Effect, Input, Lease, LeaseNumber};
use super::turn::Turn;
use super::words::QueueStats;
use crate::letter::Cause;
use crate::limits::{LEASE_MS_MAX, RECEIVE_BATCH_MAX, RECEIVE_BYTES_MAX, RECEIVE_WAIT_MS_MAX};
use crate::seams::Ask;
use crate::time::Timestamp;

/// The state of one queue.
#[derive(Debug)]
pub struct QueueState {
    pub(super) policy: Policy,
    pub(super) ready: Backlog,
    pub(super) leased: HashMap<LeaseNumber, Lease>,
    pub(super) lease_ends: BTreeSet<(Timestamp, LeaseNumber)>,
    pub(super) delayed: BTreeMap<Place, Delayed>,
    pub(super) delay_ends: BTreeSet<(Timestamp, Place)>,
    asks: VecDeque<Waiting>,
    next_lease: u64,
    /// Counters and bytes; depths are filled in when asked for.
    pub(super) stats: QueueStats,
}

/// A consumer that waits.
#[derive(Debug)]
struct Waiting {
    ask: u64,
    max: usize,
    lease: Duration,
    until: Timestamp,
}

/// An event that waits for its next attempt.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) until: Timestamp,
    pub(super) item: Item,
}

impl QueueState {
    /// An empty queue.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            ready: Backlog::default(),
            leased: HashMap::new(),
            lease_ends: BTreeSet::new(),
            delayed: BTreeMap::new(),
            delay_ends: BTreeSet::new(),
            asks: VecDeque::new(),
            next_lease: 1,
            stats: QueueStats::default(),
        }
    }

    /// Takes in what happened and says what must be done. First everything that is due by `now`
    /// takes place, so that a lease that has run out cannot be settled.
    pub fn handle(&mut self, input: Input, now: Timestamp, random: u64) -> Vec<Effect> {
        let mut turn = Turn::new(now, random);
        self.pass_time(&mut turn);
        let mut effects = Vec::new();
        turn.record_into(&mut effects);
        match input {
            Input::Arrived(items) => self.arrive(items),
            Input::Ask { ask, terms } => self.ask(ask, terms, now),
            Input::Withdrawn(ask) => self.asks.retain(|waiting| waiting.ask != ask),
            Input::Settle { call, settlements } => {
                let settle = |(lease, verb)| self.settle(lease, verb, &mut turn);
                let settled = settlements.into_iter().map(settle).collect();
                let changes = std::mem::take(&mut turn.changes);
                effects.push(Effect::Settle { call, settled, changes });
            }
            Input::Lost(leases) => {
                for number in leases {
                    let Some(item) = self.end_lease(number) else { continue };
                    self.forget(&item);
                    turn.changes.push(Change::Lost(item));
                }
            }
            Input::Redrive { call, max, origin } => {
                let redriven = self.redrive(max, origin, &mut turn);
                let changes = std::mem::take(&mut turn.changes);
                effects.push(Effect::Redrive { call, redriven, changes });
            }
            Input::Due => {}
        }
        self.serve(&mut turn, &mut effects);
        turn.record_into(&mut effects);
        effects
    }

    /// When `handle` should next be called with [`Input::Due`], if nothing else happens.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let lease = self.lease_ends.first().map(|(until, _)| *until);
        let delayed = self.delay_ends.first().map(|(until, _)| *until);
        let asks = self.asks.iter().map(|waiting| waiting.until).min();
        [lease, delayed, asks].into_iter().flatten().min()
    }

    /// The queue in numbers; `dead` is not known here.
    #[must_use]
    pub fn stats(&self, now: Timestamp) -> QueueStats {
        let (ready, leased) = (self.ready.len() as u64, self.leased.len() as u64);
        let delayed = self.delayed.len() as u64;
        let held = self.leased.values().map(|lease| lease.item.received_at);
        let waiting = self.delayed.values().map(|delayed| delayed.item.received_at);
        let oldest = held.chain(waiting).chain(self.ready.oldest()).min();
        QueueStats {
            depth: ready + leased + delayed,
            ready,
            leased,
            delayed,
            oldest_age: oldest.map_or(Duration::ZERO, |oldest| now.since(oldest)),
            ..self.stats
        }
    }

    fn arrive(&mut self, items: Vec<Item>) {
        for item in items {
            self.stats.enqueued += 1;
            self.stats.bytes += u64::from(item.weight);
            self.ready.insert(item);
        }
    }

    fn ask(&mut self, ask: u64, terms: Ask, now: Timestamp) {
        self.asks.push_back(Waiting {
            ask,
            max: terms.max.clamp(1, RECEIVE_BATCH_MAX),
            lease: terms.lease.min(Duration::from_millis(LEASE_MS_MAX)),
            until: now.plus(terms.wait.min(Duration::from_millis(RECEIVE_WAIT_MS_MAX))),
        });
    }

    /// Ends the leases and delays that are due.
    fn pass_time(&mut self, turn: &mut Turn) {
        while let Some((until, number)) = self.lease_ends.first().copied() {
            if until > turn.now {
                break;
            }
            let Some(item) = self.end_lease(number) else { continue };
            self.stats.lease_expiries += 1;
            if self.is_used_up(&item) {
                self.give_up(item, Cause::AttemptsExhausted, LEASE_RAN_OUT.into(), turn);
            } else {
                self.stats.requeued += 1;
                self.ready.insert(item);
            }
        }
        while let Some((until, place)) = self.delay_ends.first().copied() {
            if until > turn.now {
                break;
            }
            if let Some(item) = self.take_waiting(place) {
                self.ready.insert(item);
            }
        }
    }

    /// Gives ready events to the consumers that wait, first come first served.
    fn serve(&mut self, turn: &mut Turn, effects: &mut Vec<Effect>) {
        while let Some(Waiting { ask, max, lease, until }) = self.asks.pop_front() {
            let leases = self.lease(max, turn.now.plus(lease), turn);
            if leases.is_empty() && until > turn.now {
                self.asks.push_front(Waiting { ask, max, lease, until });
                break;
            }
            effects.push(Effect::HandOut { ask, leases });
        }
        // The one in front waits longest only if all wait equally long.
        let now = turn.now;
        self.asks.retain(|waiting| {
            let waits = waiting.until > now;
            if !waits {
                effects.push(Effect::HandOut { ask: waiting.ask, leases: Vec::new() });
            }
            waits
        });
    }

    fn lease(&mut self, max: usize, until: Timestamp, turn: &mut Turn) -> Vec<Lease> {
        let mut leases = Vec::with_capacity(max.min(self.ready.len()));
        let mut bytes = 0_usize;
        // One event alone always fits.
        while leases.len() < max && (leases.is_empty() || bytes < RECEIVE_BYTES_MAX) {
            let Some(item) = self.ready.pop() else { break };
            if self.is_used_up(&item) {
                // The process ended during the last attempt, or the policy was tightened.
                self.give_up(item, Cause::AttemptsExhausted, LEASE_RAN_OUT.into(), turn);
                continue;
            }
            bytes = bytes.saturating_add(item.weight as usize);
            let number = LeaseNumber(self.next_lease);
            self.next_lease += 1;
            let item = Item { attempts: item.attempts.saturating_add(1), ..item };
            let lease = Lease { number, item, until };
            self.leased.insert(number, lease);
            self.lease_ends.insert((until, number));
            leases.push(lease);
        }
        leases
    }

    pub(super) fn delay(&mut self, item: Item, until: Timestamp) {
        self.delayed.insert(item.place, Delayed { until, item });
        self.delay_ends.insert((until, item.place));
    }

    pub(super) fn forget(&mut self, item: &Item) {
        self.stats.bytes = self.stats.bytes.saturating_sub(u64::from(item.weight));
    }
}

const LEASE_RAN_OUT: &str = "the lease of the last attempt ran out";
