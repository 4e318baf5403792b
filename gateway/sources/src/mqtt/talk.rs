//! The talk with a client that was let in: what its packets set going, and what comes of that.
//! How it ends stands in `parting`.

mod parting;

use std::collections::HashMap;
use std::future::{Future, ready};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesOrdered, StreamExt};
use sluicegate_core::seams::Uncommitted;
use sluicegate_core::time::Timestamp;
use tokio::sync::Notify;

use super::access::Subject;
use super::claims::Publisher;
use super::ledger::nothing;
use super::memory::Exchange;
use super::pump::Pump;
use super::seat::Seat;
use super::session::{Ending, Link, Mark, Session, Step, Subscription, Taking, WillFate};
use super::shared::{Allowed, Beside, Shared, Taken};
use super::subscribing::TakesFrom;
use super::topic::Wanted;
use super::wire::{DisconnectReasonCode, Packet, Publish, QoS, Subscribe, Unsubscribe};

/// The talk with one client.
pub(crate) struct Talk {
    shared: Arc<Shared>,
    link: Link,
    seat: Arc<Seat>,
    publisher: Publisher,
    /// What is on its way through the line; results come in the order of arrival.
    takes: FuturesOrdered<Doing>,
    pumps: HashMap<Arc<str>, Pump>,
    /// Another connection of the client waits until what came over this one is heard.
    awaited: bool,
    /// When this turn of the connection began.
    now: Timestamp,
}

/// What is waited for.
type Doing = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What was waited for, and what came of it.
pub(crate) enum Done {
    /// A message went through the line.
    Took { publish: Box<Publish>, taking: Taking, taken: Box<Taken> },
    /// The session is written down as this answer says it is.
    Kept(Packet, Result<(), Uncommitted>),
    /// A packet id of QoS 2 is forgotten.
    Forgot(NonZeroU16, Mark, Result<(), Uncommitted>),
    /// It is written down that the client has a message of QoS 2.
    Released(NonZeroU16, Result<(), Uncommitted>),
}

impl Talk {
    pub(crate) fn new(shared: Arc<Shared>, link: Link, seat: Arc<Seat>, peer: IpAddr) -> Self {
        let (client, user) = (Arc::clone(&link.client), link.user.clone());
        let publisher = Publisher { client, user, peer: Some(peer) };
        let (takes, pumps) = (FuturesOrdered::new(), HashMap::new());
        let now = shared.now();
        let awaited = false;
        let mut talk = Self { shared, link, seat, publisher, takes, pumps, awaited, now };
        talk.pump_again();
        talk
    }

    /// What is done from here on is done now.
    pub(crate) fn turn(&mut self) {
        self.now = self.shared.now();
    }

    /// Whether the connection still speaks for its client, and the client keeps up.
    pub(crate) fn check_place(&self) -> Result<(), Ending> {
        let held = self.seat.lock();
        if held.session.link != Some(self.link.number) {
            // What becomes of the will was decided when the place was taken.
            let say = Some(DisconnectReasonCode::SessionTakenOver);
            return Err(Ending { say, will: WillFate::Dropped });
        }
        if let Some(reason) = held.session.doomed {
            return Err(Ending::because(reason));
        }
        if held.swamped {
            return Err(Ending::because(DisconnectReasonCode::QuotaExceeded));
        }
        Ok(())
    }

    /// Whether nothing is on its way through the line.
    pub(crate) fn is_idle(&self) -> bool {
        self.takes.is_empty()
    }

    /// Whether one message more may go through the line.
    pub(crate) fn takes_more(&self) -> bool {
        !self.is_full() && self.pause().is_none()
    }

    /// Whether as much is on its way through the line as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.takes.len() >= usize::from(self.shared.limits.receive_max)
    }

    /// How long nothing more is taken from a client that is over its rate.
    pub(crate) fn pause(&self) -> Option<Duration> {
        // A clock is looked at only where there is a rate.
        self.link.has_rate().then(|| self.link.pause(self.now)).flatten()
    }

    /// How long the client may still be silent, or its token be good.
    pub(crate) fn silent_in(&self) -> Option<Duration> {
        let now = self.now;
        let ends = self.link.silent_at().into_iter().chain(self.link.until);
        ends.min().map(|at| at.since(now))
    }

    /// Whether the token that the client came in with is no longer good.
    pub(crate) fn is_over(&self) -> bool {
        self.link.until.is_some_and(|until| until <= self.now)
    }

    /// The client was not listened to.
    pub(crate) fn excuse(&mut self) {
        self.link.hear(self.now);
    }

    pub(crate) fn packet_bytes_max(&self) -> usize {
        self.link.packet_bytes_max
    }

    /// Is rung when there is something to look at.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.link.wake)
    }

    /// The next packet for the client.
    pub(crate) fn next_out(&mut self) -> Option<Packet> {
        let now = self.now;
        let mut held = self.seat.lock();
        let speaks = held.session.link == Some(self.link.number);
        if speaks { held.session.next(&mut self.link, now) } else { None }
    }

    /// A packet for the client was larger than it takes.
    pub(crate) fn unsendable(&mut self, id: Option<NonZeroU16>) {
        self.seat.lock().session.unsendable(&mut self.link, id);
    }

    /// Does what a packet asks for.
    pub(crate) fn handle(
        &mut self,
        packet: Packet,
        replies: &mut Vec<Packet>,
    ) -> Result<(), Ending> {
        let now = self.now;
        let seat = Arc::clone(&self.seat);
        let mut held = seat.lock();
        if held.session.link != Some(self.link.number) {
            return Err(Ending::because(DisconnectReasonCode::SessionTakenOver));
        }
        let step = held.session.handle(&mut self.link, packet, now, replies)?;
        match step {
            Step::On => {}
            // Both are laid down while the session is locked.
            Step::Forget(id, mark) => self.forget(&mut held.session, id, mark, replies),
            Step::Release(id) => self.release(&held.session, id),
            Step::Completed(id) => {
                let released = self.exchange(&held.session, id);
                self.shared.hub.ledger.delete(released.released_key());
            }
            step => {
                drop(held);
                return self.act(step, replies);
            }
        }
        Ok(())
    }

    /// Does what needs no session that is locked.
    fn act(&mut self, step: Step, replies: &mut Vec<Packet>) -> Result<(), Ending> {
        match step {
            Step::Take(publish, taking) => self.take(publish, taking),
            Step::Subscribe(subscribe) => {
                self.pay(subscribe.topic_filters.len());
                let ack = self.subscribe(&subscribe)?;
                self.keep(ack, replies);
            }
            Step::Unsubscribe(unsubscribe) => {
                self.pay(unsubscribe.topic_filters.len());
                let ack = self.unsubscribe(&unsubscribe)?;
                self.keep(ack, replies);
            }
            Step::On | Step::Forget(..) | Step::Release(_) | Step::Completed(_) => {}
        }
        Ok(())
    }

    /// A filter costs a client of its rate what a message does.
    fn pay(&mut self, filters: usize) {
        let filters = filters.min(self.shared.limits.subscriptions_max);
        self.seat.lock().session.pay(&mut self.link, filters);
    }

    fn take(&mut self, publish: Box<Publish>, taking: Taking) {
        let (shared, publisher) = (Arc::clone(&self.shared), self.publisher.clone());
        let received = {
            let held = self.seat.lock();
            let twice = taking.qos == QoS::ExactlyOnce && held.session.expiry > 0;
            taking.id.filter(|_| twice).map(|id| self.exchange(&held.session, id))
        };
        let beside = Beside { received, will: None };
        self.takes.push_back(Box::pin(async move {
            let taken = shared.take(&publish, &publisher, beside).await;
            Done::Took { publish, taking, taken: Box::new(taken) }
        }));
    }

    /// Says `ack` once the session is written down, if it outlives the connection.
    fn keep(&mut self, ack: Packet, replies: &mut Vec<Packet>) {
        // A session that ends with its connection is nowhere.
        if self.seat.lock().session.expiry == 0 {
            replies.push(ack);
            return;
        }
        let (shared, seat) = (Arc::clone(&self.shared), Arc::clone(&self.seat));
        self.takes.push_back(Box::pin(async move { Done::Kept(ack, shared.keep(&seat).await) }));
    }

    /// Forgets a packet id of QoS 2 where it was remembered.
    fn forget(
        &mut self,
        session: &mut Session,
        id: NonZeroU16,
        mark: Mark,
        replies: &mut Vec<Packet>,
    ) {
        if session.expiry == 0 {
            replies.push(session.forgotten(&mut self.link, id, mark));
            return;
        }
        let (shared, received) = (Arc::clone(&self.shared), self.exchange(session, id));
        self.begin(async move {
            let released = match shared.hub.memory() {
                Some(memory) => memory.release(&received).await,
                None => Ok(()),
            };
            Done::Forgot(id, mark, released)
        });
    }

    /// Writes down that the client has a message of QoS 2.
    fn release(&mut self, session: &Session, id: NonZeroU16) {
        let key = self.exchange(session, id).released_key();
        let done = session.out.writing(id);
        let writes = done.into_iter().chain([(key, nothing())]).collect();
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let written = match shared.hub.memory() {
                Some(memory) => memory.write(writes).await,
                None => Ok(()),
            };
            Done::Released(id, written)
        });
    }

    /// Begins a write at once: what the engine is asked for is laid down before the session is
    /// unlocked, so that the last write in the log is the last one that happened.
    fn begin(&mut self, write: impl Future<Output = Done> + Send + 'static) {
        let mut write: Doing = Box::pin(write);
        let begun = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.takes.push_back(match begun {
            Poll::Ready(done) => Box::pin(ready(done)),
            Poll::Pending => write,
        });
    }

    fn exchange(&self, session: &Session, id: NonZeroU16) -> Exchange {
        Exchange { client: Arc::clone(&self.link.client), birth: session.birth, id }
    }

    /// Waits for the oldest of what is on its way. Never returns if there is none.
    pub(crate) async fn next_done(&mut self) -> Done {
        match self.takes.next().await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// The oldest of what is on its way, if it is there by now. `next_done` must be waited for
    /// afterwards: nobody is woken for what is looked at here.
    pub(crate) fn ready_done(&mut self) -> Option<Done> {
        self.takes.next().now_or_never().flatten()
    }

    /// Hands a message that is durable on, and gives back what the client is told.
    pub(crate) fn done(&mut self, done: Done) -> Result<Option<Packet>, Ending> {
        let number = self.link.number;
        let (publish, taking, taken) = match done {
            Done::Took { publish, taking, taken } => (publish, taking, taken),
            Done::Kept(ack, Ok(())) => return Ok(Some(ack)),
            Done::Forgot(id, mark, Ok(())) => {
                let mut held = self.seat.lock();
                return Ok(Some(held.session.forgotten(&mut self.link, id, mark)));
            }
            Done::Released(id, Ok(())) => {
                let mut held = self.seat.lock();
                let reply = held.session.released(number, id);
                held.ring_unless(number);
                return Ok(reply);
            }
            Done::Released(id, Err(_)) => {
                self.seat.lock().session.unreleased(number, id, BUSY);
                return Err(Ending::because(BUSY));
            }
            Done::Kept(_, Err(_)) | Done::Forgot(_, _, Err(_)) => {
                return Err(Ending::because(BUSY));
            }
        };
        let judged = taken.judged;
        self.shared.spread(*taken, &publish, &self.publisher);
        let mut held = self.seat.lock();
        let reply = held.session.judged(number, Some(&mut self.link), taking, judged);
        held.ring_unless(number);
        reply
    }

    fn subscribe(&mut self, subscribe: &Subscribe) -> Result<Packet, Ending> {
        let (client, user) = (Arc::clone(&self.link.client), self.link.user.clone());
        let allowed = Allowed { shared: &self.shared, subject: Subject { client, user } };
        let (version, now) = (self.link.version, self.now);
        let subscribed = self
            .shared
            .hub
            .subscribe(&self.seat, subscribe, version, &allowed, now)
            .map_err(Ending::because)?;
        for from in subscribed.queues {
            self.pump(from);
        }
        Ok(Packet::SubscribeAck(subscribed.ack))
    }

    fn pump(&mut self, from: TakesFrom) {
        let text = Arc::clone(&from.text);
        let pump = Pump::start(&self.shared.engine, &self.seat, &self.link, from);
        self.pumps.insert(text, pump);
    }

    /// A session that goes on takes from its queues again.
    fn pump_again(&mut self) {
        let held = self.seat.lock();
        let queue = |(filter, mine): (&Arc<str>, &Subscription)| {
            let Wanted::Queue(name) = &mine.wanted else { return None };
            TakesFrom::new(filter, name, mine.grant)
        };
        let queues: Vec<_> = held.session.subscriptions.iter().filter_map(queue).collect();
        drop(held);
        for from in queues {
            self.pump(from);
        }
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Result<Packet, Ending> {
        let ended = self.shared.hub.unsubscribe(&self.seat, unsubscribe);
        let ack = ended.map_err(Ending::because)?;
        for filter in &unsubscribe.topic_filters {
            self.pumps.remove(&**filter);
        }
        Ok(Packet::UnsubscribeAck(ack))
    }
}

/// What could not be written down now can be, later.
const BUSY: DisconnectReasonCode = DisconnectReasonCode::ServerBusy;
