//! Clients come and go: who speaks for a session, whose it is, and what becomes of a connection
//! that was there before. Never lets a session go from one user to another.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Timestamp;
use tokio::sync::oneshot;

use super::hub::{Hub, Inner};
use super::seat::{Seat, Will};
use super::session::Link;
use super::subscribing::{MaySubscribe, revoke};

/// A client that came in.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) seat: Arc<Seat>,
    /// Whether the gateway knew its session.
    pub(crate) present: bool,
    /// The will of the connection that it took the place of, if that is to be published.
    pub(crate) will: Option<Will>,
    before: Before,
}

/// How it was before a client came in.
#[derive(Debug, Default)]
struct Before {
    expiry: u32,
    /// A will that is not to be published, because the session goes on before its delay is over.
    spared: Option<Will>,
}

/// There are as many sessions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HubFull;

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

impl Hub {
    /// Another connection of a client is there. The one that speaks for the client now is to hear
    /// first what lies in its socket: a client that says good-bye and comes back at once has said
    /// good-bye. Ends without a word when it has, and with one when yet another connection of the
    /// client knocks. `None`: no connection speaks for the client.
    pub(crate) fn knock(&self, client: &str) -> Option<oneshot::Receiver<()>> {
        let seat = self.read().seat(client)?;
        let mut held = seat.lock();
        held.session.link?;
        let (rival, heard) = oneshot::channel();
        if let Some(earlier) = held.rival.replace(rival) {
            // It may have given up.
            let _ = earlier.send(());
        }
        held.wake.notify_one();
        Some(heard)
    }

    /// Lets a connection speak for its client. The one that did so before has lost its place. A
    /// session that goes on keeps the subscriptions that it may have today.
    ///
    /// To be followed by [`Hub::let_in`] or [`Hub::turn_away`].
    ///
    /// # Errors
    /// When there is no room for one more session.
    pub(crate) fn enter(
        &self,
        link: &mut Link,
        start: Start,
        will: Option<Will>,
        allowed: &dyn MaySubscribe,
        now: Timestamp,
    ) -> Result<Entered, HubFull> {
        let mut inner = self.write();
        inner.last_link += 1;
        link.number = inner.last_link;
        let (mut parting, mut before) = (None, Before::default());
        if let Some(seat) = inner.seat(&link.client) {
            let ends = start.clean || !goes_on(&seat, link);
            (parting, before) = self.displace(&mut inner, &seat, ends);
            if ends {
                self.remove(&mut inner, &seat);
                self.metrics.sessions_ended.increment();
            }
        }
        let known = inner.seat(&link.client);
        let present = known.is_some();
        let seat = match known {
            Some(seat) => seat,
            None => self.new_seat(&mut inner, &link.client, now)?,
        };
        let mut held = seat.lock();
        revoke(&mut inner, &seat.client, &mut held.session, &|wanted| allowed.may(wanted));
        held.session.attach(link, start.expiry);
        (held.will, held.ends_at, held.will_at, held.swamped) = (will, None, None, false);
        held.wake = Arc::clone(&link.wake);
        drop(held);
        Ok(Entered { seat, present, will: parting, before })
    }

    fn new_seat(
        &self,
        inner: &mut Inner,
        client: &Arc<str>,
        now: Timestamp,
    ) -> Result<Arc<Seat>, HubFull> {
        if inner.seats.len() >= self.limits().sessions_max {
            return Err(HubFull);
        }
        let seat = Arc::new(Seat::new(Arc::clone(client), self.limits().outbox, now));
        seat.lock().session.paid = inner.ahead.remove(client);
        inner.sit(Arc::clone(&seat));
        Ok(seat)
    }

    /// Another connection of the same client takes the place. Gives back the will that is to be
    /// published now.
    fn displace(&self, inner: &mut Inner, seat: &Arc<Seat>, ends: bool) -> (Option<Will>, Before) {
        let mut held = seat.lock();
        let was_there = held.session.link.is_some();
        if was_there {
            self.metrics.takeovers.increment();
            held.session.detach();
            held.wake.notify_one();
        }
        held.rival = None;
        for at in held.ends_at.take().into_iter().chain(held.will_at.take()) {
            inner.due.remove(&(at, Arc::clone(&seat.client)));
        }
        let expiry = if ends { 0 } else { held.session.expiry };
        match held.will.take() {
            Some(will) if ends || (was_there && will.delay == 0) => {
                (Some(will), Before { expiry, spared: None })
            }
            spared => (None, Before { expiry, spared }),
        }
    }

    /// What a client was promised is written down: it is in.
    pub(crate) fn let_in(&self, entered: &mut Entered) {
        self.forget_will(entered.before.spared.take().as_ref());
    }

    /// What a client would have been promised could not be written down: it is as if only the
    /// connection before it had been lost. Gives back the will that is to be published now.
    pub(crate) fn turn_away(&self, entered: Entered, link: u64, now: Timestamp) -> Option<Will> {
        let Entered { seat, before, .. } = entered;
        let mut held = seat.lock();
        if held.session.link != Some(link) {
            // Yet another one has the place.
            drop(held);
            self.forget_will(before.spared.as_ref());
            return None;
        }
        held.session.expiry = before.expiry;
        let own = std::mem::replace(&mut held.will, before.spared);
        drop(held);
        self.forget_will(own.as_ref());
        self.leave(&seat, link, Last::Lost, now)
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
        held.rival = None;
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
}

/// Whether a session is there for the client that comes now: it has not ended with its last
/// connection (section 3.1.2.4 of 3.1.1, 3.1.2.11.2 of 5), and is of the same user.
fn goes_on(seat: &Seat, link: &Link) -> bool {
    let held = seat.lock();
    held.session.expiry > 0 && held.session.owner.is(link.user.as_deref())
}
