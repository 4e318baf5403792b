//! How leases end, and how events leave: settled by their consumer, put back, given up.

use std::time::Duration;

use super::held::{Entry, Stand};
use super::item::{Item, Place};
use super::policy::DeadLetters;
use super::state::QueueState;
use super::traffic::{Change, Effect, LeaseNumber};
use super::turn::Turn;
use super::words::{SettleFault, Settled, Verb};
use crate::letter::{Cause, Failure, Letter};
use crate::limits::{DELAY_MS_MAX, LEASE_MS_MAX, bounded_reason};
use crate::time::Timestamp;

impl QueueState {
    pub(super) fn settle_all(
        &mut self,
        call: u64,
        settlements: Vec<(Option<LeaseNumber>, Verb)>,
        turn: &mut Turn,
    ) {
        let settled =
            settlements.into_iter().map(|(lease, verb)| self.settle(lease, verb, turn)).collect();
        let changes = std::mem::take(&mut turn.changes);
        turn.effects.push(Effect::Settle { call, settled, changes });
    }

    fn settle(&mut self, lease: Option<LeaseNumber>, verb: Verb, turn: &mut Turn) -> Settled {
        let Some(number) = lease else { return Settled::Refused(SettleFault::Unknown) };
        let Some(item) = self.item_of(number, turn.now.steady) else {
            return Settled::Refused(SettleFault::Stale);
        };
        match verb {
            Verb::Ack => {
                self.counters.acked += 1;
                self.forget(&item);
                turn.changes.push(Change::Acked(item));
            }
            Verb::Nack { delay, reason } => self.nack(item, delay, reason, turn),
            Verb::GiveUp { reason } => {
                self.fail(&item, reason.clone(), turn);
                self.give_up(item, Cause::GivenUp, reason, turn);
            }
            Verb::Extend { lease } => self.extend(item, number, lease, turn),
        }
        Settled::Done
    }

    fn nack(&mut self, item: Item, delay: Option<Duration>, reason: String, turn: &mut Turn) {
        if self.is_used_up(&item) {
            self.fail(&item, reason.clone(), turn);
            return self.give_up(item, Cause::AttemptsExhausted, reason, turn);
        }
        let delay = delay.unwrap_or_else(|| self.policy.retry.wait(item.attempts, turn.random()));
        self.put_back(item, delay.min(Duration::from_millis(DELAY_MS_MAX)), reason, turn);
    }

    /// The lease runs for so long from now. A length of zero ends it: the consumer did not fail,
    /// but will not go on; the attempt counts.
    fn extend(&mut self, item: Item, number: LeaseNumber, length: Duration, turn: &mut Turn) {
        if !length.is_zero() {
            let until = turn.now.steady.plus(length.min(Duration::from_millis(LEASE_MS_MAX)));
            return self.held.turn_to(item.id, Stand::Leased(number, until));
        }
        if self.is_used_up(&item) {
            let reason = gave_out(self.failures.of(item.id));
            return self.give_up(item, Cause::AttemptsExhausted, reason, turn);
        }
        self.counters.requeued += 1;
        self.held.turn_to(item.id, Stand::Ready);
    }

    /// The event of a lease that has not run out.
    fn item_of(&self, number: LeaseNumber, now: Timestamp) -> Option<Item> {
        let entry = self.held.leased(number)?;
        let runs = matches!(entry.stand, Stand::Leased(_, until) if until > now);
        runs.then_some(entry.item)
    }

    pub(super) fn is_used_up(&self, item: &Item) -> bool {
        matches!(self.policy.dead_letters, DeadLetters::MoveTo(_))
            && item.attempts >= self.policy.retry.attempts_max.max(1)
    }

    /// Remembers that the last attempt failed.
    pub(super) fn fail(&mut self, item: &Item, why: String, turn: &Turn) {
        let why = bounded_reason(why).into();
        let failure = Failure { at: turn.now.wall, attempt: item.attempts, why };
        self.failures.add(item.id, failure);
    }

    /// The last attempt failed; there will be another one after this delay.
    pub(super) fn put_back(&mut self, item: Item, delay: Duration, why: String, turn: &mut Turn) {
        let why = bounded_reason(why);
        self.counters.requeued += 1;
        self.fail(&item, why.clone(), turn);
        let stand = match delay {
            Duration::ZERO => Stand::Ready,
            delay => Stand::Waits(turn.now.steady.plus(delay)),
        };
        self.held.turn_to(item.id, stand);
        turn.changes.push(Change::Failed { item, until: turn.now.wall.plus(delay), why });
    }

    /// The event could not be read for its consumer, who has not failed: the attempt does not
    /// count, so that it is never given up for it. (The first one of an event with an ordering key
    /// does: who was attempted stays the first of its key, across a restart too.) It waits longer
    /// each time; after a restart it may be ready at once.
    pub(super) fn unread(&mut self, number: LeaseNumber, why: String, turn: &mut Turn) {
        let Some(item) = self.held.leased(number).map(|entry| entry.item) else { return };
        let times = self.unread.entry(item.id).or_default();
        *times = times.saturating_add(1);
        let wait = self.policy.retry.wait(*times, turn.random()).max(UNREAD_WAIT_MIN);
        self.put_back(item, wait, why, turn);
        if item.attempts > u32::from(item.terms.order_key.is_some()) {
            let item = Item { attempts: item.attempts - 1, ..item };
            self.held.insert(item, Stand::Waits(turn.now.steady.plus(wait)));
            turn.changes.push(Change::Returned(item));
        }
    }

    /// The event goes where dead letters go; where there is no such place, it waits for long.
    pub(super) fn give_up(&mut self, item: Item, cause: Cause, reason: String, turn: &mut Turn) {
        let DeadLetters::MoveTo(to) = self.policy.dead_letters else {
            let wait = self.policy.retry.wait_max.max(STAY_WAIT_MIN);
            return self.put_back(item, wait, reason, turn);
        };
        self.counters.dead_lettered += 1;
        let failures = self.forget(&item);
        let letter = Letter { attempts: item.attempts, failures, ..Letter::new(cause, reason) };
        turn.changes.push(Change::DeadLettered { item, to, letter });
    }

    /// Takes an event out for good, if it is held.
    pub(super) fn depart(&mut self, id: Place) -> Option<Item> {
        let Entry { item, .. } = *self.held.get(id)?;
        self.forget(&item);
        Some(item)
    }

    /// The event, held or not, is no longer here: the next one of its key goes. Returns the
    /// attempts that failed.
    pub(super) fn forget(&mut self, item: &Item) -> Vec<Failure> {
        self.held.remove(item.id);
        self.bytes = self.bytes.saturating_sub(u64::from(item.weight));
        self.leave_line(item);
        self.unread.remove(&item.id);
        self.failures.take(item.id)
    }

    /// The event is not in line any more: the next one of its key is ready.
    pub(super) fn leave_line(&mut self, item: &Item) {
        let next = item.terms.order_key.and_then(|key| self.keys.leave(key, item.id));
        if let Some(next) = next {
            self.held.turn_to(next, Stand::Ready);
        }
    }
}

/// The reason for giving up an event whose last attempt had no outcome.
pub(super) fn gave_out(failures: &[Failure]) -> String {
    failures.last().map_or_else(|| NO_OUTCOME.into(), |failure| failure.why.to_string())
}

/// A disk that could not read is left alone for so long at least.
const UNREAD_WAIT_MIN: Duration = Duration::from_millis(100);

const NO_OUTCOME: &str = "its attempts are used up, and the last had no outcome";

/// The least time that a dead-letter queue keeps back an event that it cannot give away.
const STAY_WAIT_MIN: Duration = Duration::from_millis(100);
