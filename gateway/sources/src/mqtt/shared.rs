//! What all connections of the listener share, and the way of a message through the line.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::proof::Repeat;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Engine, Intake, Uncommitted};
use sluicegate_core::time::{Clock, Timestamp};

use super::access::{Access, Subject};
use super::answers::answer;
use super::claims::{Claims, Publisher};
use super::hub::Hub;
use super::limits::MqttLimits;
use super::memory::Received;
use super::message::Message;
use super::seat::{Seat, Will};
use super::session::Judged;
use super::subscribing::MaySubscribe;
use super::topic::Wanted;
use super::wire::{DisconnectReasonCode, Publish, PublishAckReason};

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) hub: Hub,
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

    /// Takes a message through the line. When it was taken for the first time, `spread` is due.
    /// `received`: the packet id of QoS 2 that is to be remembered with it.
    pub(crate) async fn take(
        &self,
        publish: &Publish,
        publisher: &Publisher,
        received: Option<Received>,
    ) -> Taken {
        self.hub.metrics.published.increment();
        let subject =
            Subject { client: Arc::clone(&publisher.client), user: publisher.user.clone() };
        if !self.access.may_publish(&subject, &publish.topic) {
            self.hub.metrics.unauthorised.increment();
            let (ack, leave) =
                (PublishAckReason::NotAuthorized, DisconnectReasonCode::NotAuthorized);
            return Taken { judged: Judged::Refused(ack, leave), first: false, retained: false };
        }
        let message = publish.retain.then(|| self.message(publish, publisher));
        let message = message.filter(|message| self.hub.may_retain(message));
        let taken = match self.claims.delivery(publish, publisher) {
            Ok(mut delivery) => {
                if let Some(memory) = self.hub.memory() {
                    let state = memory.with_message(received.as_ref(), message.as_ref());
                    delivery.transport.state = state;
                }
                self.intake.take(delivery).await
            }
            Err(refusal) => {
                if refusal == Refusal::NoSource {
                    self.hub.metrics.unclaimed.increment();
                }
                Err(refusal)
            }
        };
        match taken {
            Ok(receipt) => {
                let first = receipt.repeat() == Repeat::First;
                Taken { judged: Judged::Taken, first, retained: message.is_some() }
            }
            Err(refusal) => Taken { judged: answer(&refusal), first: false, retained: false },
        }
    }

    /// Hands a message that is durable to those who want it.
    pub(crate) fn spread(&self, publish: &Publish, publisher: &Publisher, taken: Taken) {
        if !taken.first {
            return;
        }
        let message = Arc::new(self.message(publish, publisher));
        if taken.retained {
            self.hub.retain(&message);
        }
        self.hub.publish(&message);
    }

    fn message(&self, publish: &Publish, publisher: &Publisher) -> Message {
        Message::published(publish, &publisher.client, self.now())
    }

    /// Writes down the session of a client, if it is to outlive its connection.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub(crate) async fn keep(&self, seat: &Arc<Seat>) -> Result<(), Uncommitted> {
        let Some(memory) = self.hub.memory() else { return Ok(()) };
        let pending = {
            let mut held = seat.lock();
            if held.gone || held.session.expiry == 0 {
                return Ok(());
            }
            held.kept = true;
            memory.keep_session(&seat.client, &held.session)
        };
        pending.await
    }

    /// Publishes the will of a client that was lost. It is refused like any other message.
    pub(crate) async fn publish_will(&self, will: Will) {
        let publisher = Publisher { client: will.client, user: will.user, peer: None };
        let taken = self.take(&will.publish, &publisher, None).await;
        self.spread(&will.publish, &publisher, taken);
        if taken.judged != Judged::Taken {
            let (client, topic) = (&publisher.client, &*will.publish.topic);
            tracing::warn!(%client, topic, "the will of a client was refused");
        }
    }
}

/// What the line said about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) judged: Judged,
    /// Whether it was taken for the first time.
    pub(crate) first: bool,
    /// Whether it is kept as the last one of its topic.
    pub(crate) retained: bool,
}

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
