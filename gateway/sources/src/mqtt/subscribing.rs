//! Subscriptions are made and ended: what each filter of a SUBSCRIBE is granted.

use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::time::Timestamp;

use super::hub::Hub;
use super::message::{Message, Parcel};
use super::seat::Seat;
use super::session::Subscription;
use super::subscribers::{Before, Grant};
use super::topic::Wanted;
use super::wire::{
    DisconnectReasonCode, QoS, RetainHandling, Subscribe, SubscribeAck, SubscribeAckReason,
    SubscriptionOptions, Unsubscribe, UnsubscribeAck, UnsubscribeAckReason, Version,
};

/// What became of a SUBSCRIBE.
#[derive(Debug)]
pub(crate) struct Subscribed {
    pub(crate) ack: SubscribeAck,
    /// Queues that the client takes from, from now on, each with the text of its filter.
    pub(crate) queues: Vec<TakesFrom>,
}

/// A queue that a client takes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakesFrom {
    pub(crate) filter: Arc<str>,
    pub(crate) queue: QueueName,
    pub(crate) grant: Grant,
}

/// What a client may subscribe to.
pub(crate) trait MaySubscribe {
    /// Whether it may have this.
    fn may(&self, wanted: &Wanted) -> bool;
    /// Whether there is a queue of this name.
    fn is_queue(&self, queue: &QueueName) -> bool;
}

impl Hub {
    /// Makes the subscriptions of a client, and lets what is retained wait for it.
    ///
    /// # Errors
    /// When the SUBSCRIBE breaks the protocol.
    pub(crate) fn subscribe(
        &self,
        seat: &Arc<Seat>,
        subscribe: &Subscribe,
        version: Version,
        allowed: &dyn MaySubscribe,
        now: Timestamp,
    ) -> Result<Subscribed, DisconnectReasonCode> {
        let (mut status, mut queues) = (Vec::new(), Vec::new());
        for (text, options) in &subscribe.topic_filters {
            let wanted = match Wanted::parse(text) {
                Ok(wanted) => wanted,
                // A server of 3.1.1 closes the connection (section 4.7.1).
                Err(_) if version == Version::V3 => {
                    return Err(DisconnectReasonCode::TopicFilterInvalid);
                }
                Err(_) => {
                    status.push(SubscribeAckReason::TopicFilterInvalid);
                    continue;
                }
            };
            if options.no_local && matches!(wanted, Wanted::Shared { .. }) {
                return Err(DisconnectReasonCode::ProtocolError);
            }
            let filter: Arc<str> = (&**text).into();
            let grant = Grant { options: granted(&wanted, *options), id: subscribe.id };
            let code = match self.grant(seat, &filter, &wanted, grant, allowed, now) {
                Ok(code) => code,
                Err(code) => code,
            };
            if let Wanted::Queue(name) = &wanted
                && u8::from(code) < 0x80
                && let Ok(queue) = name.parse()
            {
                queues.push(TakesFrom { filter, queue, grant });
            }
            status.push(code);
        }
        let ack = SubscribeAck {
            packet_id: subscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        };
        Ok(Subscribed { ack, queues })
    }

    fn grant(
        &self,
        seat: &Arc<Seat>,
        filter: &Arc<str>,
        wanted: &Wanted,
        grant: Grant,
        allowed: &dyn MaySubscribe,
        now: Timestamp,
    ) -> Result<SubscribeAckReason, SubscribeAckReason> {
        if !allowed.may(wanted) {
            self.metrics.unauthorised.increment();
            return Err(SubscribeAckReason::NotAuthorized);
        }
        if let Wanted::Queue(name) = wanted
            && !name.parse().is_ok_and(|queue| allowed.is_queue(&queue))
        {
            return Err(SubscribeAckReason::UnspecifiedError);
        }
        let mut inner = self.write();
        let mut held = seat.lock();
        let mine = &mut held.session.subscriptions;
        if mine.len() >= self.limits().subscriptions_max && !mine.contains_key(filter) {
            return Err(SubscribeAckReason::QuotaExceeded);
        }
        mine.insert(Arc::clone(filter), Subscription { wanted: wanted.clone(), grant });
        let before = inner.subscribers.add(&seat.client, wanted, grant);
        if let Wanted::Topics(topics) = wanted
            && wants_retained(grant.options.retain_handling, before)
        {
            let parcel = |message: Arc<_>| parcel(message, grant);
            let retained = inner.retained.taken_by(topics, now).into_iter().map(parcel).collect();
            let over = held.session.out.offer_retained(retained);
            self.metrics.overflowed.add(over as u64);
        }
        Ok(match grant.options.qos {
            QoS::AtMostOnce => SubscribeAckReason::GrantedQos0,
            QoS::AtLeastOnce => SubscribeAckReason::GrantedQos1,
            QoS::ExactlyOnce => SubscribeAckReason::GrantedQos2,
        })
    }

    /// Ends subscriptions of a client.
    pub(crate) fn unsubscribe(
        &self,
        seat: &Arc<Seat>,
        unsubscribe: &Unsubscribe,
    ) -> UnsubscribeAck {
        let mut inner = self.write();
        let mut held = seat.lock();
        let mut status = Vec::new();
        for text in &unsubscribe.topic_filters {
            status.push(match held.session.subscriptions.remove(&**text) {
                Some(mine) => {
                    inner.subscribers.remove(&seat.client, &mine.wanted);
                    UnsubscribeAckReason::Success
                }
                None if Wanted::parse(text).is_err() => UnsubscribeAckReason::TopicFilterInvalid,
                None => UnsubscribeAckReason::NoSubscriptionExisted,
            });
        }
        UnsubscribeAck {
            packet_id: unsubscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        }
    }
}

/// An event of a queue is handed out at least once, or at most once; not exactly once.
fn granted(wanted: &Wanted, options: SubscriptionOptions) -> SubscriptionOptions {
    match wanted {
        Wanted::Queue(_) => {
            SubscriptionOptions { qos: options.qos.less_value(QoS::AtLeastOnce), ..options }
        }
        Wanted::Topics(_) | Wanted::Shared { .. } => options,
    }
}

fn wants_retained(handling: RetainHandling, before: Before) -> bool {
    match handling {
        RetainHandling::AtSubscribe => true,
        RetainHandling::AtSubscribeNew => before == Before::Absent,
        RetainHandling::NoAtSubscribe => false,
    }
}

fn parcel(message: Arc<Message>, grant: Grant) -> Parcel {
    let qos = message.qos.less_value(grant.options.qos);
    // What is sent because a subscription was made is marked so (section 3.3.1.3).
    Parcel::new(message, qos, true, grant.id.into_iter().collect())
}
