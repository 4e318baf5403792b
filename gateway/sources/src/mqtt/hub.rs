//! Who is there and who wants what: the sessions, their subscriptions, what is retained, and the
//! wills that wait. Decides and hands over in memory; it never waits and never writes to a socket.
//!
//! Lock order: the hub's own lock, then one session's. Nobody who holds a session asks the hub.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use sluicegate_core::time::Timestamp;

use super::ledger::{Ledger, WaitingLimits};
use super::memory::{Exchange, Memory, can_retain, will_key};
use super::message::Message;
use super::metrics::MqttMetrics;
use super::retained::{Retained, RetainedLimits};
use super::seat::{Seat, Will};
use super::session::OutboxLimits;
use super::subscribers::{Readiness, Subscribers};

/// Everything that connections share.
#[derive(Debug)]
pub(crate) struct Hub {
    inner: RwLock<Inner>,
    limits: HubLimits,
    pub(crate) metrics: Arc<MqttMetrics>,
    /// What outlives the process; tests of the rules have none.
    memory: Option<Memory>,
    pub(super) ledger: Arc<Ledger>,
}

/// The bounds of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HubLimits {
    pub(crate) sessions_max: usize,
    pub(crate) subscriptions_max: usize,
    pub(crate) outbox: OutboxLimits,
    pub(crate) retained: RetainedLimits,
    pub(crate) waiting: WaitingLimits,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seats: HashMap<Arc<str>, Arc<Seat>>,
    pub(super) subscribers: Subscribers,
    pub(super) retained: Retained,
    /// When something of a session that is away comes due.
    pub(super) due: BTreeSet<(Timestamp, Arc<str>)>,
    /// Wills to be published as soon as may be.
    pub(super) wills: Vec<Will>,
    pub(super) last_link: u64,
    /// Clients without a session that have published more than their rate allows by now, and when
    /// that is made up for.
    pub(super) ahead: HashMap<Arc<str>, Timestamp>,
    swept: Timestamp,
}

impl Hub {
    pub(crate) fn new(
        limits: HubLimits,
        metrics: Arc<MqttMetrics>,
        memory: Option<Memory>,
    ) -> Self {
        let inner = Inner {
            seats: HashMap::new(),
            subscribers: Subscribers::default(),
            retained: Retained::new(limits.retained),
            due: BTreeSet::new(),
            wills: Vec::new(),
            last_link: 0,
            ahead: HashMap::new(),
            swept: Timestamp::from_unix_ns(0),
        };
        let ledger = Arc::new(Ledger::new(limits.waiting));
        Self { inner: RwLock::new(inner), limits, metrics, memory, ledger }
    }

    pub(crate) fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    pub(crate) fn limits(&self) -> &HubLimits {
        &self.limits
    }

    /// Ends the sessions that are over, and gives back the wills that are due.
    pub(crate) fn tick(&self, now: Timestamp) -> Vec<Will> {
        let mut inner = self.write();
        let mut wills = std::mem::take(&mut inner.wills);
        inner.retained.sweep(now);
        while let Some((at, client)) = inner.due.first().cloned().filter(|(at, _)| *at <= now) {
            inner.due.remove(&(at, Arc::clone(&client)));
            let Some(seat) = inner.seats.get(&client).map(Arc::clone) else { continue };
            let mut held = seat.lock();
            if held.will_at.is_some_and(|at| at <= now) {
                held.will_at = None;
                wills.extend(held.will.take());
            }
            if held.session.link.is_none() && held.ends_at.is_some_and(|at| at <= now) {
                wills.extend(held.will.take());
                drop(held);
                self.remove(&mut inner, &seat);
                self.metrics.sessions_ended.increment();
            }
        }
        inner.sweep(now);
        wills
    }

    /// Ends a session.
    pub(super) fn remove(&self, inner: &mut Inner, seat: &Arc<Seat>) {
        let mut held = seat.lock();
        held.gone = true;
        if let Some(memory) = self.memory().filter(|_| held.kept.is_some()) {
            let session = &held.session;
            let of = |id| Exchange { client: Arc::clone(&seat.client), birth: session.birth, id };
            let received = session.received().into_iter().map(|id| of(id).received_key());
            let released = session.out.released_ids().into_iter().map(|id| of(id).released_key());
            memory.forget_session(&seat.client, received.chain(released));
        }
        held.session.out.clear();
        if let Some(paid) =
            held.session.paid.filter(|_| inner.ahead.len() < self.limits.sessions_max)
        {
            inner.ahead.insert(Arc::clone(&seat.client), paid);
        }
        let subscriptions = std::mem::take(&mut held.session.subscriptions);
        drop(held);
        for subscription in subscriptions.values() {
            inner.subscribers.remove(&seat.client, &subscription.wanted);
        }
        if inner.seats.get(&seat.client).is_some_and(|there| Arc::ptr_eq(there, seat)) {
            inner.seats.remove(&seat.client);
        }
    }

    /// A will is not to be published any more.
    pub(crate) fn forget_will(&self, will: Option<&Will>) {
        if let Some(number) = will.and_then(|will| will.number) {
            self.ledger.delete(will_key(number));
        }
    }

    /// Whether a message can be kept as the last one of its topic.
    pub(crate) fn may_retain(&self, message: &Message) -> bool {
        let may = can_retain(message) && self.read().retained.has_room(message);
        if !may {
            self.metrics.retained_full.increment();
        }
        may
    }

    /// Keeps a message as the last one of its topic. Who has subscribed after `made` subscriptions
    /// had been made was not in its plan, did not find it either, and gets it now.
    pub(crate) fn retain(&self, message: &Arc<Message>, made: u64) {
        let mut inner = self.write();
        if inner.retained.keep(message).is_err() {
            // There was room when it was asked for.
            return self.metrics.retained_full.increment();
        }
        if message.payload.is_empty() {
            return;
        }
        for (client, grant) in inner.subscribers.since(made, &message.topic) {
            if let Some(seat) = inner.seat(client) {
                self.give_retained(&seat, vec![Arc::clone(message)], grant);
            }
        }
    }

    /// Sessions, those that are away among them, and retained messages.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let inner = self.read();
        (inner.seats.len(), inner.retained.len())
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // Nothing panics while the lock is held.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes out what is over, once in a while.
    fn sweep(&mut self, now: Timestamp) {
        self.ahead.retain(|_, paid| *paid > now);
        if self.swept.plus(SWEEP) > now {
            return;
        }
        self.swept = now;
        for seat in self.seats.values() {
            let mut held = seat.lock();
            if held.session.out.is_due(now) {
                held.session.out.sweep(now);
            }
        }
    }

    /// The place of a client.
    pub(super) fn seat(&self, client: &str) -> Option<Arc<Seat>> {
        self.seats.get(client).map(Arc::clone)
    }

    /// Gives a client its place.
    pub(super) fn sit(&mut self, seat: Arc<Seat>) {
        self.seats.insert(Arc::clone(&seat.client), seat);
    }

    /// Something of a client that is away comes due then.
    pub(super) fn wait(&mut self, at: Timestamp, client: &Arc<str>) {
        self.due.insert((at, Arc::clone(client)));
    }

    /// How well a client can take a message of this weight.
    pub(super) fn readiness(&self, client: &str, weight: usize) -> Readiness {
        let Some(seat) = self.seats.get(client) else { return Readiness::Full };
        let held = seat.lock();
        if held.swamped || !held.session.out.has_room(weight) {
            Readiness::Full
        } else if held.session.link.is_none() {
            Readiness::Away
        } else {
            Readiness::Ready
        }
    }
}

/// How often what waits is looked through for what is over.
const SWEEP: Duration = Duration::from_secs(1);
