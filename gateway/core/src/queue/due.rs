//! What time does to a queue: leases run out, waits end, events expire.

use std::time::Duration;

use super::held::{Entry, Stand};
use super::item::Item;
use super::lane::Head;
use super::policy::{DeadLetters, OnExpiry};
use super::state::QueueState;
use super::traffic::Change;
use super::turn::Turn;
use super::words::DropCause;
use crate::letter::{Cause, Letter};
use crate::time::{Moment, Timestamp};

impl QueueState {
    /// Does what is due, as far as one turn allows.
    pub(super) fn pass_time(&mut self, turn: &mut Turn) {
        let Moment { wall, steady } = turn.now;
        while let Some((_, id)) = self.held.next_steady().filter(|(at, _)| *at <= steady) {
            let Some(entry) = self.held.get(id).copied() else { break };
            if !turn.spend() {
                return;
            }
            self.end_steady(entry, turn);
        }
        while let Some((_, id)) = self.held.next_expiry().filter(|(at, _)| *at <= steady) {
            if !turn.spend() {
                return;
            }
            let Some(item) = self.held.get(id).map(|entry| entry.item) else { break };
            self.expire(item, turn);
        }
        while let Some((_, id)) = self.held.next_wall().filter(|(at, _)| *at <= wall) {
            if !turn.spend() {
                return;
            }
            let Some(item) = self.held.get(id).map(|entry| entry.item) else { break };
            self.come_up(item);
        }
        self.expire_heads(turn);
    }

    /// When the first arrival of a lane expires, by the steady clock, if it is in memory.
    pub(super) fn next_head_expiry(&self) -> Option<Timestamp> {
        let expiry = |head| match head {
            Head::Loaded(item) => self.held.lives.end_of(&item),
            Head::OnDisk(_) | Head::Unreadable => None,
        };
        self.backlog.heads().filter_map(|(_, head)| expiry(head)).min()
    }

    /// An event is ready from now on, or waits for the one of its key that is out.
    pub(super) fn come_up(&mut self, item: Item) {
        let stand = self.stand_in_line(&item);
        self.held.insert(item, stand);
    }

    /// Where an event stands that is neither leased nor waits for a time. One that came earlier
    /// goes before one that was never handed out.
    pub(super) fn stand_in_line(&mut self, item: &Item) -> Stand {
        let Some(key) = item.terms.order_key else { return Stand::Ready };
        let first = self.keys.first(key);
        let gives_way = match first {
            None => true,
            Some(first) if first == item.id => true,
            Some(first) => first > item.id && self.is_untried(first),
        };
        if !gives_way {
            self.keys.wait(key, item.id);
            return Stand::Blocked;
        }
        if let Some(first) = first.filter(|first| *first != item.id) {
            self.held.turn_to(first, Stand::Blocked);
        }
        self.keys.lead(key, item.id);
        Stand::Ready
    }

    /// The event's time to live is over, wherever it was.
    pub(super) fn expire(&mut self, item: Item, turn: &mut Turn) {
        let failures = self.forget(&item);
        match (self.policy.on_expiry, self.policy.dead_letters) {
            (OnExpiry::DeadLetter, DeadLetters::MoveTo(to)) => {
                self.counters.dead_lettered += 1;
                let letter = Letter {
                    attempts: item.attempts,
                    failures,
                    ..Letter::new(Cause::Expired, EXPIRED)
                };
                turn.changes.push(Change::DeadLettered { item, to, letter });
            }
            _ => {
                self.counters.expired += 1;
                turn.changes.push(Change::Dropped { item, why: DropCause::Expired });
            }
        }
    }

    fn is_untried(&self, id: super::item::Place) -> bool {
        let ready = |entry: &Entry| entry.stand == Stand::Ready && entry.item.attempts == 0;
        self.held.get(id).is_some_and(ready) && self.failures.of(id).is_empty()
    }

    /// A lease ran out, or a wait for the next attempt is over.
    fn end_steady(&mut self, entry: Entry, turn: &mut Turn) {
        let Entry { item, stand } = entry;
        if !matches!(stand, Stand::Leased(..)) {
            return self.come_up(item);
        }
        self.counters.lease_expiries += 1;
        if self.is_used_up(&item) {
            self.fail(&item, LEASE_RAN_OUT.into(), turn);
            self.give_up(item, Cause::AttemptsExhausted, LEASE_RAN_OUT.into(), turn);
        } else {
            self.put_back(item, Duration::ZERO, LEASE_RAN_OUT.into(), turn);
        }
    }

    fn expire_heads(&mut self, turn: &mut Turn) {
        loop {
            let expired = |item: &Item| self.held.lives.is_over(item, turn.now);
            let mut heads = self.backlog.heads();
            let Some((priority, _)) = heads.find(|(_, head)| match head {
                Head::Loaded(item) => expired(item),
                Head::OnDisk(_) | Head::Unreadable => false,
            }) else {
                return;
            };
            drop(heads);
            if !turn.spend() {
                return;
            }
            if let Some(item) = self.backlog.take_first(priority) {
                self.expire(item, turn);
            }
        }
    }
}

pub(super) const LEASE_RAN_OUT: &str = "the lease ran out";
const EXPIRED: &str = "its time to live was over before it was delivered";
