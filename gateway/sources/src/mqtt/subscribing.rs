//! Subscriptions are made and ended: what each filter of a SUBSCRIBE is granted.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::time::Timestamp;

use super::hub::{Hub, Inner};
use super::message::{Message, Parcel};
use super::seat::Seat;
use super::session::{Owner, Session, Subscription};
use super::subscribers::{Before, Grant, wants_retained};
use super::topic::{QUEUE, SHARE, Wanted};
use super::wire::{
    DisconnectReasonCode, QoS, Subscribe, SubscribeAck, SubscribeAckReason, SubscriptionOptions,
    Unsubscribe, UnsubscribeAck, UnsubscribeAckReason, Version,
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
    /// As the client wrote it.
    pub(crate) text: Arc<str>,
    /// The topic of what comes out of the queue.
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
    /// Makes the subscriptions of a client, and lets what is retained wait for it: once for each
    /// filter, however often it is there. Filters over the bound for one client find no room.
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
        let (most, mut given) = (self.limits().subscriptions_max, BTreeSet::new());
        for (at, (text, options)) in subscribe.topic_filters.iter().enumerate() {
            if at >= most {
                status.push(SubscribeAckReason::QuotaExceeded);
                continue;
            }
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
            if options.no_local && text.starts_with(SHARE) {
                return Err(DisconnectReasonCode::ProtocolError);
            }
            let filter: Arc<str> = (&**text).into();
            let grant = Grant { options: granted(&wanted, *options), id: subscribe.id };
            let before = match self.grant(seat, &filter, &wanted, grant, allowed) {
                Ok(before) => before,
                Err(code) => {
                    status.push(code);
                    continue;
                }
            };
            status.push(code_of(grant.options.qos));
            match &wanted {
                Wanted::Queue(name) => queues.extend(TakesFrom::new(&filter, name, grant)),
                Wanted::Topics(topics) if wants_retained(grant, before) && given.insert(filter) => {
                    // Many are looked through: nobody waits for that but who changes something.
                    let retained = self.read().retained.taken_by(topics, now);
                    self.give_retained(seat, retained, grant);
                }
                Wanted::Topics(_) | Wanted::Shared { .. } => {}
            }
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
    ) -> Result<Before, SubscribeAckReason> {
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
        Ok(inner.subscribers.add(&seat.client, wanted, grant))
    }

    /// Lets retained messages wait for a client.
    pub(super) fn give_retained(
        &self,
        seat: &Arc<Seat>,
        retained: Vec<Arc<Message>>,
        grant: Grant,
    ) {
        let parcels = retained.into_iter().map(|message| parcel(message, grant)).collect();
        let mut held = seat.lock();
        let over = held.session.out.offer_retained(parcels);
        held.wake.notify_one();
        drop(held);
        self.metrics.overflowed.add(over as u64);
    }

    /// Ends the subscriptions of all clients that they may not have any more.
    pub(crate) fn revoke_all(&self, may: &dyn Fn(&Arc<str>, &Owner, &Wanted) -> bool) {
        let mut inner = self.write();
        let seats: Vec<_> = inner.seats.values().map(Arc::clone).collect();
        for seat in seats {
            let mut held = seat.lock();
            let owner = held.session.owner.clone();
            let may = |wanted: &Wanted| may(&seat.client, &owner, wanted);
            revoke(&mut inner, &seat.client, &mut held.session, &may);
        }
    }

    /// Ends subscriptions of a client.
    ///
    /// # Errors
    /// When they are more than one client can have.
    pub(crate) fn unsubscribe(
        &self,
        seat: &Arc<Seat>,
        unsubscribe: &Unsubscribe,
    ) -> Result<UnsubscribeAck, DisconnectReasonCode> {
        if unsubscribe.topic_filters.len() > self.limits().subscriptions_max {
            return Err(DisconnectReasonCode::QuotaExceeded);
        }
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
        Ok(UnsubscribeAck {
            packet_id: unsubscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        })
    }
}

impl TakesFrom {
    /// `None` if a queue cannot have this name.
    pub(crate) fn new(text: &Arc<str>, name: &str, grant: Grant) -> Option<Self> {
        let (text, filter) = (Arc::clone(text), format!("{QUEUE}{name}").into());
        Some(Self { text, filter, queue: name.parse().ok()?, grant })
    }
}

/// Ends the subscriptions of a session that its client may not have any more.
pub(super) fn revoke(
    inner: &mut Inner,
    client: &Arc<str>,
    session: &mut Session,
    may: &dyn Fn(&Wanted) -> bool,
) {
    session.subscriptions.retain(|filter, mine| {
        let stays = may(&mine.wanted);
        if !stays {
            tracing::info!(%client, %filter, "a subscription is not allowed any more");
            inner.subscribers.remove(client, &mine.wanted);
        }
        stays
    });
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

fn code_of(qos: QoS) -> SubscribeAckReason {
    match qos {
        QoS::AtMostOnce => SubscribeAckReason::GrantedQos0,
        QoS::AtLeastOnce => SubscribeAckReason::GrantedQos1,
        QoS::ExactlyOnce => SubscribeAckReason::GrantedQos2,
    }
}

fn parcel(message: Arc<Message>, grant: Grant) -> Parcel {
    let qos = message.qos.less_value(grant.options.qos);
    // What is sent because a subscription was made is marked so (section 3.3.1.3).
    Parcel::new(message, qos, true, grant.id.into_iter().collect())
}
