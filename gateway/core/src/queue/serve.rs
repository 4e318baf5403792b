//! Who gets what: ready events go to the consumers that wait, in order and in even parts.

use std::time::Duration;

use super::held::Stand;
use super::item::{Item, Place, Priority};
use super::lane::Head;
use super::policy::Delivery;
use super::settle::gave_out;
use super::state::QueueState;
use super::traffic::{Effect, Lease, LeaseNumber};
use super::turn::Turn;
use crate::letter::Cause;
use crate::limits::{BLOCKED_MAX, RECEIVE_BYTES_MAX};
use crate::time::{Moment, Timestamp};

/// What could be handed out next.
enum Next {
    /// This held event.
    Held(Place),
    /// The first arrival of this lane.
    Arrival(Priority),
    /// Something that is on its way from the disk, or that the next turn finds.
    Later,
    /// Nothing.
    Nothing,
}

/// What came of looking for an event.
enum Pick {
    Event(Item),
    Later,
    Nothing,
}

impl QueueState {
    /// Answers those who ask: with events, as far as there are any, or with none, if their wait
    /// is over and nothing is on its way.
    pub(super) fn serve(&mut self, turn: &mut Turn) {
        self.rate.fill(turn.now.steady);
        self.asks_stay = false;
        let mut handed_out = 0;
        while let Some(waiting) = self.asks.first() {
            if handed_out >= HAND_OUT_TURN_MAX {
                turn.unfinished = true;
                self.asks_stay = true;
                return;
            }
            let max = waiting.max.min(self.even_part());
            let (leases, later) = self.lease(max, waiting.lease, turn);
            if leases.is_empty() {
                self.asks_stay = later;
                break;
            }
            handed_out += leases.len();
            self.asks.pop();
            turn.effects.push(Effect::HandOut { ask: waiting.ask, leases });
        }
        if self.asks_stay {
            return;
        }
        while let Some(ask) = self.asks.take_over(turn.now.steady) {
            turn.effects.push(Effect::HandOut { ask, leases: Vec::new() });
        }
    }

    /// How long until the delivery rate allows one more, if somebody waits for that.
    pub(super) fn next_token(&self, now: Moment) -> Option<Duration> {
        let waits = !self.asks.is_empty()
            && self.policy.delivery == Delivery::Running
            && (self.held.ready() > 0 || self.backlog.len() > 0);
        if waits { self.rate.next(now.steady) } else { None }
    }

    /// What each of those who wait may have, so that nobody gets all while others get none.
    /// About: what must be given up on the way sets others free.
    fn even_part(&self) -> usize {
        if self.asks.len() == 1 {
            return usize::MAX;
        }
        let from_lanes = if self.lanes_are_open() {
            let held_left = self.policy.held_max.saturating_sub(self.held.counts().tried);
            usize::try_from(self.backlog.len()).unwrap_or(usize::MAX).min(held_left)
        } else {
            0
        };
        let there = self.held.ready().saturating_add(from_lanes).min(self.rate.tokens());
        there.div_ceil(self.asks.len().max(1))
    }

    /// Leases up to so many events. The second value says whether more may come without anybody
    /// doing anything.
    fn lease(&mut self, max: usize, length: Duration, turn: &mut Turn) -> (Vec<Lease>, bool) {
        let until = turn.now.steady.plus(length);
        let mut leases = Vec::new();
        let mut bytes = 0_usize;
        if self.policy.delivery == Delivery::Paused {
            return (leases, false);
        }
        while leases.len() < max && bytes < RECEIVE_BYTES_MAX && self.rate.tokens() > 0 {
            let item = match self.pick(turn) {
                Pick::Event(item) => item,
                Pick::Later => return (leases, true),
                Pick::Nothing => break,
            };
            bytes = bytes.saturating_add(item.weight as usize);
            leases.push(self.hand_out(item, until));
        }
        (leases, false)
    }

    fn hand_out(&mut self, item: Item, until: Timestamp) -> Lease {
        let number = LeaseNumber(self.next_lease);
        self.next_lease += 1;
        self.rate.spend();
        self.counters.handed_out += 1;
        self.counters.redelivered += u64::from(item.attempts > 0);
        let item = Item { attempts: item.attempts.saturating_add(1), ..item };
        self.held.insert(item, Stand::Leased(number, until));
        Lease { number, item, until }
    }

    /// Finds the next event that may be handed out. Sees to those on the way that may not.
    fn pick(&mut self, turn: &mut Turn) -> Pick {
        loop {
            let item = match self.next_up() {
                Next::Nothing => return Pick::Nothing,
                Next::Later => return Pick::Later,
                Next::Held(id) => self.held.get(id).map(|entry| entry.item),
                Next::Arrival(priority) => self.backlog.take_first(priority),
            };
            let Some(item) = item else { return Pick::Nothing };
            if self.held.lives.is_over(&item, turn.now) {
                self.expire(item, turn);
            } else if self.is_used_up(&item) {
                // The process ended during the last attempt, or the policy was tightened.
                let reason = gave_out(self.failures.of(item.id));
                self.give_up(item, Cause::AttemptsExhausted, reason, turn);
            } else if self.stand_in_line(&item) == Stand::Ready {
                return Pick::Event(item);
            } else {
                self.held.insert(item, Stand::Blocked);
            }
            if !turn.spend() {
                return Pick::Later;
            }
        }
    }

    /// What is next: the highest priority, then the smallest id. Where the lanes are closed or
    /// cannot be read, an event with an ordering key waits for older ones of its key that may be
    /// in there.
    fn next_up(&self) -> Next {
        let held = self.held.first_ready(|level, id| !self.backlog.has_before(level, id));
        let or_held = |other| held.map_or(other, |(_, id)| Next::Held(id));
        if !self.lanes_are_open() {
            return or_held(Next::Nothing);
        }
        // What cannot be read now must not keep back the rest.
        let head = self.backlog.heads().find(|(_, head)| *head != Head::Unreadable);
        let Some((priority, head)) = head else { return or_held(Next::Nothing) };
        let (at_or_after, of_lane) = match head {
            Head::Loaded(item) => (item.id, Next::Arrival(priority)),
            Head::OnDisk(after) => (after, Next::Later),
            Head::Unreadable => return or_held(Next::Nothing),
        };
        match held {
            Some((of_held, id)) if (of_held, at_or_after) >= (priority, id) => Next::Held(id),
            _ => of_lane,
        }
    }

    /// Whether arrivals may be handed out: not while too many events are held already.
    fn lanes_are_open(&self) -> bool {
        let counts = self.held.counts();
        counts.tried < self.policy.held_max && counts.blocked < BLOCKED_MAX
    }
}

/// Events that are handed out in one turn.
const HAND_OUT_TURN_MAX: usize = 10_000;
