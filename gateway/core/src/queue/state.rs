//! The state machine of one queue: what happens goes in, what must be done comes out.
//!
//! No call looks at every event, or does an unbounded amount of work: what is left is done in the
//! next turn, and [`QueueState::next_due`] says that it is wanted at once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::asks::Asks;
use super::backlog::Backlog;
use super::failures::Failures;
use super::held::{HeldEvents, Stand};
use super::item::{Item, Place};
use super::keys::Keys;
use super::policy::Policy;
use super::purge::Purge;
use super::rate::Rate;
use super::snapshot::LaneSnapshot;
use super::traffic::{Change, Effect, Input, LeaseNumber};
use super::turn::Turn;
use super::words::QueueStats;
use crate::time::{Moment, Timestamp};

/// The state of one queue.
#[derive(Debug)]
pub struct QueueState {
    pub(super) policy: Policy,
    pub(super) backlog: Backlog,
    pub(super) held: HeldEvents,
    pub(super) keys: Keys,
    pub(super) failures: Failures,
    /// How often an event that is here could not be read for a consumer.
    pub(super) unread: HashMap<Place, u32>,
    pub(super) asks: Asks,
    pub(super) rate: Rate,
    pub(super) purges: VecDeque<Purge>,
    /// The bytes of all events in the queue.
    pub(super) bytes: u64,
    /// What is counted since the start; depths are filled in when asked for.
    pub(super) counters: QueueStats,
    pub(super) next_lease: u64,
    /// Whether the last turn left work for the next one.
    pub(super) unfinished: bool,
    /// Whether those who ask wait for something that is under way, however long they meant to.
    pub(super) asks_stay: bool,
}

/// What lies in a queue at one moment, without being leased for it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Events to which something has happened, with where they stand, in the order of their ids.
    pub held: Vec<(Item, Standing)>,
    /// Where the arrivals are to which nothing has happened.
    pub lanes: Vec<LaneSnapshot>,
    /// The greatest id that came: what is found later came after this view.
    pub newest: Place,
}

/// Where an event stands in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A consumer could receive it now.
    Ready,
    /// A consumer holds it until then, by the steady clock.
    Leased(Timestamp),
    /// It waits until then, by the wall clock.
    Delayed(Timestamp),
    /// It waits for another event with its ordering key.
    Blocked,
}

impl Standing {
    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased(_) => "leased",
            Self::Delayed(_) => "delayed",
            Self::Blocked => "blocked",
        }
    }
}

impl QueueState {
    /// An empty queue.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with_front(policy, FRONT_MAX)
    }

    /// An empty queue that keeps about so many arrivals of each priority in memory.
    pub(super) fn with_front(policy: Policy, front_max: usize) -> Self {
        Self {
            policy,
            backlog: Backlog::new(front_max),
            held: HeldEvents::default(),
            keys: Keys::default(),
            failures: Failures::default(),
            unread: HashMap::new(),
            asks: Asks::default(),
            rate: Rate::new(policy.delivery_rate),
            purges: VecDeque::new(),
            bytes: 0,
            counters: QueueStats::default(),
            next_lease: 1,
            unfinished: false,
            asks_stay: false,
        }
    }

    /// Takes in what happened and says what must be done. First everything that is due by `now`
    /// takes place, so that a lease that has run out cannot be settled.
    pub fn handle(&mut self, input: Input, now: Moment, random: u64) -> Vec<Effect> {
        let mut turn = Turn::new(now, random);
        self.held.lives.begin(now);
        self.pass_time(&mut turn);
        turn.record();
        self.take_in(input, &mut turn);
        self.pass_time(&mut turn);
        self.purge_some(&mut turn);
        self.make_room(&mut turn);
        turn.record();
        self.serve(&mut turn);
        turn.record();
        turn.effects.extend(self.backlog.wishes(now.steady).into_iter().map(Effect::Load));
        self.unfinished = turn.unfinished;
        turn.effects
    }

    /// How long until `handle` should be called with [`Input::Due`], if nothing else happens.
    /// While something waits for a time of the wall clock this is at most half a minute, so that
    /// a clock that was set is noticed.
    #[must_use]
    pub fn next_due(&self, now: Moment) -> Option<Duration> {
        if self.unfinished || self.backlog.is_wishing(now.steady) {
            return Some(Duration::ZERO);
        }
        let steady = [
            self.held.next_steady().map(|(at, _)| at),
            self.held.next_expiry().map(|(at, _)| at),
            self.next_head_expiry(),
            self.backlog.retry_at(),
            self.asks.next_end().filter(|_| !self.asks_stay),
        ];
        let steady = steady.into_iter().flatten().map(|at| at.since(now.steady));
        let wall = self.held.next_wall();
        let wall = wall.into_iter().map(|(at, _)| at.since(now.wall).min(WALL_LOOK));
        steady.chain(wall).chain(self.next_token(now)).min()
    }

    /// How the queue treats its events.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn take_in(&mut self, input: Input, turn: &mut Turn) {
        match input {
            Input::Arrived(items) => {
                if let Some(first) = items.first() {
                    self.held.lives.come(first.id, turn.now);
                }
                items.into_iter().for_each(|item| self.arrive(item));
            }
            Input::Loaded { wish, found } => {
                self.backlog.answer(wish, found, turn.now.steady);
                self.write_off_missing();
            }
            Input::Ask { ask, terms } => self.asks.add(ask, terms, turn.now.steady),
            Input::Withdrawn(ask) => self.asks.withdraw(ask),
            Input::Settle { call, settlements } => self.settle_all(call, settlements, turn),
            Input::Returned(leases) => {
                leases.into_iter().for_each(|number| self.take_back(number, turn));
                turn.record();
            }
            Input::Lost(leases) => {
                leases.into_iter().for_each(|number| self.lose(number, turn));
                turn.record();
            }
            Input::Unread(leases) => {
                leases.into_iter().for_each(|(number, why)| self.unread(number, why, turn));
                turn.record();
            }
            Input::Redrive { call, items } => self.redrive(call, items, turn),
            Input::Discard { call, items } => self.discard(call, items, turn),
            Input::Purge { call } => self.purges.push_back(Purge::new(call, self.backlog.newest())),
            Input::Policy(policy) => {
                self.rate.change(policy.delivery_rate, turn.now.steady);
                self.policy = policy;
            }
            Input::Due => {}
        }
    }

    fn arrive(&mut self, item: Item) {
        self.counters.enqueued += 1;
        self.admit(item, Backlog::arrive);
    }

    /// Counts the event, and puts it in its lane by `place`, or where it waits for its time.
    pub(super) fn admit(&mut self, item: Item, place: impl FnOnce(&mut Backlog, Item)) {
        self.bytes += u64::from(item.weight);
        match item.terms.deliver_at {
            None => place(&mut self.backlog, item),
            Some(at) => {
                self.backlog.passed(item.id);
                self.held.insert(item, Stand::Scheduled(at));
            }
        }
    }

    /// A hand-out never reached its consumer.
    fn take_back(&mut self, number: LeaseNumber, turn: &mut Turn) {
        let Some(item) = self.held.leased(number).map(|entry| entry.item) else { return };
        let item = Item { attempts: item.attempts.saturating_sub(1), ..item };
        self.held.insert(item, Stand::Ready);
        if item.attempts == 0 {
            // It was never out: one of its key that came earlier goes first.
            self.leave_line(&item);
            self.come_up(item);
        }
        turn.changes.push(Change::Returned(item));
    }

    fn lose(&mut self, number: LeaseNumber, turn: &mut Turn) {
        let Some(item) = self.held.leased(number).map(|entry| entry.item) else { return };
        self.depart(item.id);
        self.counters.lost += 1;
        turn.changes.push(Change::Lost(item));
    }
}

/// Arrivals of one priority that a queue keeps in memory, about: the first ones, and as many of
/// the last ones.
const FRONT_MAX: usize = 4_096;

/// Look at the wall clock at least so often while something waits for it.
const WALL_LOOK: Duration = Duration::from_secs(30);
