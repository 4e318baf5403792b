//! How leases end: settled by their consumer, given up, put back, redriven.

use std::time::Duration;

use super::item::{Item, Place, QueueNumber};
use super::policy::DeadLetters;
use super::state::QueueState;
use super::traffic::{Change, LeaseNumber};
use super::turn::Turn;
use super::words::{Redriven, SettleFault, Settled, Verb};
use crate::letter::{Cause, Letter};
use crate::limits::{DELAY_MS_MAX, LEASE_MS_MAX};
use crate::time::Timestamp;

impl QueueState {
    pub(super) fn settle(
        &mut self,
        lease: Option<LeaseNumber>,
        verb: Verb,
        turn: &mut Turn,
    ) -> Settled {
        let Some(number) = lease else { return Settled::Refused(SettleFault::Unknown) };
        if let Verb::Extend { lease } = verb {
            return self.extend(number, lease, turn.now);
        }
        let Some(item) = self.end_lease(number) else {
            return Settled::Refused(SettleFault::Stale);
        };
        match verb {
            Verb::Ack => {
                self.stats.acked += 1;
                self.forget(&item);
                turn.changes.push(Change::Acked(item));
            }
            Verb::Nack { reason, .. } if self.is_used_up(&item) => {
                self.give_up(item, Cause::AttemptsExhausted, reason, turn);
            }
            Verb::Nack { delay, .. } => {
                let backoff = || self.policy.retry.wait(item.attempts, turn.random());
                let delay = delay
                    .map_or_else(backoff, |delay| delay.min(Duration::from_millis(DELAY_MS_MAX)));
                self.put_back(item, delay, turn);
            }
            Verb::GiveUp { reason } => self.give_up(item, Cause::GivenUp, reason, turn),
            Verb::Extend { .. } => {}
        }
        Settled::Done
    }

    fn extend(&mut self, number: LeaseNumber, length: Duration, now: Timestamp) -> Settled {
        let Some(lease) = self.leased.get_mut(&number) else {
            return Settled::Refused(SettleFault::Stale);
        };
        let until = now.plus(length.min(Duration::from_millis(LEASE_MS_MAX)));
        self.lease_ends.remove(&(lease.until, number));
        lease.until = until;
        self.lease_ends.insert((until, number));
        Settled::Done
    }

    pub(super) fn end_lease(&mut self, number: LeaseNumber) -> Option<Item> {
        let lease = self.leased.remove(&number)?;
        self.lease_ends.remove(&(lease.until, number));
        Some(lease.item)
    }

    fn put_back(&mut self, item: Item, delay: Duration, turn: &mut Turn) {
        self.stats.requeued += 1;
        if delay.is_zero() {
            self.ready.insert(item);
            return;
        }
        let until = turn.now.plus(delay);
        self.delay(item, until);
        turn.changes.push(Change::Delayed { place: item.place, until });
    }

    pub(super) fn is_used_up(&self, item: &Item) -> bool {
        matches!(self.policy.dead_letters, DeadLetters::MoveTo(_))
            && item.attempts >= self.policy.retry.attempts_max.max(1)
    }

    pub(super) fn give_up(&mut self, item: Item, cause: Cause, reason: String, turn: &mut Turn) {
        let DeadLetters::MoveTo(to) = self.policy.dead_letters else {
            let wait = self.policy.retry.wait_max.max(STAY_WAIT_MIN);
            return self.put_back(item, wait, turn);
        };
        self.stats.dead_lettered += 1;
        self.forget(&item);
        let letter = Letter { attempts: item.attempts, ..Letter::new(cause, reason) };
        turn.changes.push(Change::DeadLettered { item, to, letter });
    }

    pub(super) fn redrive(
        &mut self,
        max: usize,
        origin: Option<QueueNumber>,
        turn: &mut Turn,
    ) -> Redriven {
        let wanted = |item: &&Item| match origin {
            Some(_) => item.origin() == origin,
            None => item.origin().is_some(),
        };
        let places: Vec<Place> =
            self.exceptions().filter(wanted).map(|item| item.place).take(max).collect();
        for place in &places {
            let item = self.take(*place);
            let Some((item, to)) = item.and_then(|item| Some((item, item.origin()?))) else {
                continue;
            };
            turn.changes.push(Change::Redriven { item, to });
        }
        let strays = self.exceptions().filter(|item| item.origin().is_none()).count();
        let left = if origin.is_some() { 0 } else { self.ready.untouched() + strays };
        Redriven { moved: places.len() as u64, left: left as u64 }
    }
}

/// The least time that a dead-letter queue keeps back an event that it cannot give away.
const STAY_WAIT_MIN: Duration = Duration::from_millis(100);
