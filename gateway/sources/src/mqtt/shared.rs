//! What all connections of the listener share, and the way of a message through the line.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::QueueName;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::{Refusal, STATE_OF_SOURCE};
use sluicegate_core::seams::{Engine, Intake, Uncommitted};
use sluicegate_core::time::{Clock, Timestamp};
use tokio::sync::watch;

use super::access::{Access, Subject};
use super::answers::{answer, lasts};
use super::claims::{Claims, Publisher};
use super::hub::Hub;
use super::limits::MqttLimits;
use super::memory::{Exchange, With};
use super::message::Message;
use super::plan::Plan;
use super::seat::{Seat, Will};
use super::session::Judged;
use super::subscribing::MaySubscribe;
use super::topic::Wanted;
use super::wills::{Due, Wills};
use super::wire::{DisconnectReasonCode, Publish, PublishAckReason};

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) wills: Wills,
    pub(crate) limits: MqttLimits,
    pub(crate) access: Access,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) queues: HashSet<QueueName>,
    pub(super) claims: Claims,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) clock: Clock,
    pub(super) dice: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("hub", &self.hub).finish_non_exhaustive()
    }
}

impl Shared {
    /// What time it is by the clock that is never set back.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.moment().steady
    }

    pub(crate) fn roll(&self) -> u64 {
        (self.dice)()
    }

    /// Takes a message through the line. What comes of it is to be `spread`.
    pub(crate) async fn take(
        &self,
        publish: &Publish,
        publisher: &Publisher,
        beside: Beside,
    ) -> Taken {
        self.hub.metrics.published.increment();
        let subject =
            Subject { client: Arc::clone(&publisher.client), user: publisher.user.clone() };
        if !self.access.may_publish(&subject, &publish.topic) {
            self.hub.metrics.unauthorised.increment();
            let (ack, leave) =
                (PublishAckReason::NotAuthorized, DisconnectReasonCode::NotAuthorized);
            return Taken::not(Judged::Refused(ack, leave), Came::First);
        }
        let delivery = match self.claims.delivery(publish, publisher) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                if refusal == Refusal::NoSource {
                    self.hub.metrics.unclaimed.increment();
                }
                return Taken::not(answer(&refusal), Came::First);
            }
        };
        let message = || Arc::new(self.message(publish, publisher));
        let mut plan = self.hub.plan(publish, &publisher.client, message);
        let retained = publish.retain.then(|| plan.message.clone().unwrap_or_else(message));
        let mut retained = retained.filter(|message| self.hub.may_retain(message));
        let mut judged = self.judge(delivery, &beside, &plan, retained.as_deref()).await;
        if is_full(&judged)
            && (plan.keeps.is_some() || retained.is_some())
            && let Ok(delivery) = self.claims.delivery(publish, publisher)
        {
            // The event itself is as durable as ever; the packet id of QoS 2 must be.
            self.hub.keep_nothing(&mut plan);
            if retained.take().is_some() {
                self.hub.metrics.retained_full.increment();
            }
            judged = self.judge(delivery, &beside, &plan, None).await;
        }
        match judged {
            Ok(receipt) if receipt.repeat() == Repeat::First => {
                Taken { judged: Judged::Taken, came: Came::First, plan, retained }
            }
            Ok(_) => {
                self.hub.call_off(plan);
                Taken::not(Judged::Taken, Came::Again)
            }
            Err(refusal) => {
                self.hub.call_off(plan);
                let came = if lasts(&refusal) { Came::First } else { Came::TooEarly };
                Taken::not(answer(&refusal), came)
            }
        }
    }

    /// Takes a message through the line, with all that is to be committed with it.
    async fn judge(
        &self,
        mut delivery: Delivery,
        beside: &Beside,
        plan: &Plan,
        retained: Option<&Message>,
    ) -> Result<Receipt, Refusal> {
        if let Some(memory) = self.hub.memory() {
            delivery.transport.state = memory.with_message(&With {
                received: beside.received.as_ref(),
                retained,
                waiting: plan.keeps.as_ref().zip(plan.message.as_deref()),
                will: beside.will,
            });
        }
        self.intake.take(delivery).await
    }

    /// Hands a message that is durable to those who want it.
    pub(crate) fn spread(&self, taken: Taken) {
        if let Some(message) = &taken.retained {
            self.hub.retain(message, taken.plan.made);
        }
        self.hub.hand_over(taken.plan);
    }

    fn message(&self, publish: &Publish, publisher: &Publisher) -> Message {
        Message::published(publish, &publisher.client, self.now())
    }

    /// Writes down the session of a client, if it is to outlive its connection, and its will.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub(crate) async fn keep(&self, seat: &Arc<Seat>) -> Result<(), Uncommitted> {
        let Some(memory) = self.hub.memory() else { return Ok(()) };
        let pending = {
            let mut held = seat.lock();
            let expiry = held.session.expiry;
            match &held.will {
                _ if held.gone => return Ok(()),
                None if expiry == 0 => return Ok(()),
                Some(will) if expiry == 0 => memory.keep_will(will),
                will => {
                    let pending = memory.keep_session(&seat.client, &held.session, will.as_ref());
                    held.kept = Some(expiry);
                    pending
                }
            }
        };
        pending.await
    }

    /// Publishes the will of a client that was lost. What may pass is tried again later; what is
    /// for good is told, and forgotten.
    pub(crate) async fn publish_will(&self, will: Will) {
        let Some(_turn) = self.wills.permit() else {
            return self.wills.add(will, self.now());
        };
        self.try_will(Due::first(will)).await;
    }

    /// The same for one that was tried before.
    pub(crate) async fn try_will(&self, due: Due) {
        let will = &due.will;
        let publisher =
            Publisher { client: Arc::clone(&will.client), user: will.user.clone(), peer: None };
        let beside = Beside { will: will.number, ..Beside::default() };
        let taken = self.take(&will.publish, &publisher, beside).await;
        let (client, topic) = (&publisher.client, &*will.publish.topic);
        match (taken.judged, taken.came) {
            (Judged::Taken, Came::First) => return self.spread(taken),
            // It was published before, without its key in that entry.
            (Judged::Taken, _) => {}
            (Judged::NotNow(_), _) | (_, Came::TooEarly) => {
                let wait = self.wills.put_off(due, self.now());
                return tracing::info!(%client, ?wait, "the will of a client is tried again");
            }
            (Judged::Refused(..), _) => {
                tracing::warn!(%client, topic, "the will of a client was refused");
            }
        }
        self.hub.forget_will(Some(will));
    }

    /// Writes down what the ledger has, again and again, until `stop`.
    pub(crate) async fn settle(&self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = self.hub.ledger.due.notified() => {}
                // A sender that is gone can never say stop again: that is a stop.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if !self.settle_once().await {
                tokio::select! {
                    () = tokio::time::sleep(SETTLE_AGAIN) => self.hub.ledger.due.notify_one(),
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
    }

    /// Writes down what the ledger has. Says whether that could be done.
    pub(crate) async fn settle_once(&self) -> bool {
        let Some(memory) = self.hub.memory() else { return true };
        let ledger = &self.hub.ledger;
        loop {
            let mut batch = ledger.take();
            if batch.is_empty() {
                return true;
            }
            // First and alone: they make room, and nothing that needs room can hold them back.
            let deletes = batch.deletes();
            if !deletes.is_empty() {
                if memory.write(deletes).await.is_err() {
                    ledger.put_back(batch);
                    return false;
                }
                ledger.deleted(&mut batch);
            }
            let lists = batch.lists();
            if !lists.is_empty() && memory.write(lists).await.is_err() {
                ledger.put_back(batch);
                return false;
            }
            batch.listed();
        }
    }
}

/// What is committed with a message, beside what it asks for itself.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The packet id of QoS 2 that is to be remembered.
    pub(crate) received: Option<Exchange>,
    /// The number of the will that is published by it.
    pub(crate) will: Option<u64>,
}

/// What the line said about a message, and who gets it now.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) judged: Judged,
    came: Came,
    plan: Plan,
    /// What is kept as the last message of its topic.
    retained: Option<Arc<Message>>,
}

/// When a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// Neither of the others.
    First,
    /// It was taken before.
    Again,
    /// It is not taken now, and may be later.
    TooEarly,
}

impl Taken {
    /// Nobody gets it.
    fn not(judged: Judged, came: Came) -> Self {
        Self { judged, came, plan: Plan::default(), retained: None }
    }
}

/// Whether a message was refused because what is to be committed with it has no room.
fn is_full(judged: &Result<Receipt, Refusal>) -> bool {
    matches!(judged, Err(Refusal::Overloaded { what, .. }) if *what == STATE_OF_SOURCE)
}

/// After a write that could not be done.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);

/// What one client may subscribe to.
pub(crate) struct Allowed<'s> {
    pub(crate) shared: &'s Shared,
    pub(crate) subject: Subject,
}

impl MaySubscribe for Allowed<'_> {
    fn may(&self, wanted: &Wanted) -> bool {
        self.shared.access.may_subscribe(&self.subject, wanted)
    }

    fn is_queue(&self, queue: &QueueName) -> bool {
        self.shared.queues.contains(queue)
    }
}
