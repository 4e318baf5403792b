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
use super::session::{Link, OutboxLimits};
use super::subscribers::Subscribers;

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
    seats: HashMap<Arc<str>, Arc<Seat>>,
    pub(super) subscribers: Subscribers,
    pub(super) retained: Retained,
    /// When something of a session that is away comes due.
    due: BTreeSet<(Timestamp, Arc<str>)>,
    /// Wills to be published as soon as may be.
    pub(super) wills: Vec<Will>,
    last_link: u64,
}

/// A client that came in.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) seat: Arc<Seat>,
    /// Whether the gateway knew its session.
    pub(crate) present: bool,
    /// The will of the connection that it took the place of, if that is to be published.
    pub(crate) will: Option<Will>,
}

/// There are as many sessions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HubFull;

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

    /// Lets a connection speak for its client. The one that did so before has lost its place.
    ///
    /// # Errors
    /// When there is no room for one more session.
    pub(crate) fn enter(
        &self,
        link: &mut Link,
        start: Start,
        will: Option<Will>,
        now: Timestamp,
    ) -> Result<Entered, HubFull> {
        let mut inner = self.write();
        inner.last_link += 1;
        link.number = inner.last_link;
        let mut parting = None;
        if let Some(seat) = inner.seats.get(&link.client).map(Arc::clone) {
            if seat.lock().session.link.is_some() {
                self.metrics.takeovers.increment();
            }
            let (published, dropped) = inner.displace(&seat, start);
            parting = published;
            self.forget_will(dropped.as_ref());
            if start.clean {
                self.remove(&mut inner, &seat);
                self.metrics.sessions_ended.increment();
            }
        }
        let known = inner.seats.get(&link.client).map(Arc::clone);
        let present = known.is_some();
        let seat = match known {
            Some(seat) => seat,
            None if inner.seats.len() >= self.limits.sessions_max => return Err(HubFull),
            None => {
                let client = Arc::clone(&link.client);
                let seat = Arc::new(Seat::new(client, self.limits.outbox, now));
                inner.seats.insert(Arc::clone(&link.client), Arc::clone(&seat));
                seat
            }
        };
        let mut held = seat.lock();
        held.session.attach(link, start.expiry);
        (held.will, held.ends_at, held.will_at, held.swamped) = (will, None, None, false);
        drop(held);
        Ok(Entered { seat, present, will: parting })
    }

    /// A connection has ended. Gives back the will that is to be published now.
    pub(crate) fn leave(
        &self,
        seat: &Arc<Seat>,
        link: u64,
        last: Last,
        now: Timestamp,
    ) -> Option<Will> {
        let mut inner = self.write();
        let mut held = seat.lock();
        if held.session.link != Some(link) {
            return None;
        }
        held.session.detach();
        let expiry = held.session.expiry;
        let mut will = held.will.take();
        if last == Last::Parted {
            self.forget_will(will.take().as_ref());
        }
        if let (Some(memory), Some(written)) = (self.memory(), held.kept)
            && written != expiry
            && expiry > 0
        {
            // Laid down by the call. Who does not read of it finds the session of before.
            drop(memory.keep_session(&seat.client, &held.session, None));
            held.kept = Some(expiry);
        }
        let mut now_due = None;
        if let Some(will) = will {
            if will.delay == 0 || expiry == 0 {
                now_due = Some(will);
            } else {
                let wait = Duration::from_secs(will.delay.min(expiry).into());
                held.will_at = Some(now.plus(wait));
                held.will = Some(will);
            }
        }
        if expiry == 0 {
            drop(held);
            self.remove(&mut inner, seat);
            self.metrics.sessions_ended.increment();
            return now_due;
        }
        if expiry != u32::MAX {
            held.ends_at = Some(now.plus(Duration::from_secs(expiry.into())));
        }
        for at in held.ends_at.into_iter().chain(held.will_at) {
            inner.due.insert((at, Arc::clone(&seat.client)));
        }
        now_due
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
        wills
    }

    /// Ends a session.
    fn remove(&self, inner: &mut Inner, seat: &Arc<Seat>) {
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

    /// Keeps a message as the last one of its topic.
    pub(crate) fn retain(&self, message: &Arc<Message>) {
        if self.write().retained.keep(message).is_err() {
            // There was room when it was asked for.
            self.metrics.retained_full.increment();
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

/// What a CONNECT says about its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) clean: bool,
    /// Seconds that the session stays; `u32::MAX`: for good.
    pub(crate) expiry: u32,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// With the client's good-bye.
    Parted,
    /// In any other way.
    Lost,
}

impl Inner {
    /// Another connection of the same client takes the place. Gives back the will that is to be
    /// published now, and the one that is not: the session goes on before its delay is over.
    fn displace(&mut self, seat: &Arc<Seat>, start: Start) -> (Option<Will>, Option<Will>) {
        let mut held = seat.lock();
        let was_there = held.session.link.is_some();
        if was_there {
            held.session.detach();
            seat.wake.notify_one();
        }
        for at in held.ends_at.take().into_iter().chain(held.will_at.take()) {
            self.due.remove(&(at, Arc::clone(&seat.client)));
        }
        let ends = start.clean || held.session.expiry == 0;
        match held.will.take() {
            Some(will) if ends || (was_there && will.delay == 0) => (Some(will), None),
            will => (None, will),
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

    /// Whether a client is connected now.
    pub(super) fn is_there(&self, client: &str) -> bool {
        self.seats.get(client).is_some_and(|seat| seat.lock().session.link.is_some())
    }
}
