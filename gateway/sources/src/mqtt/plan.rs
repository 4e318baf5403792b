//! Who gets a message: decided before it is committed, so that what is kept for sessions that
//! outlive their connections is in the same entry; handed over after it.

use std::sync::Arc;

use sluicegate_core::limits::STATE_VALUE_BYTES_MAX;

use super::hub::Hub;
use super::ledger::Stored;
use super::message::{Message, Parcel};
use super::record::Recipient;
use super::seat::Seat;
use super::subscribers::Wants;
use super::wire::{Publish, QoS};

/// Who gets a message. To be handed over or called off: room is kept for it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The message, if anyone gets it.
    pub(crate) message: Option<Arc<Message>>,
    /// Subscriptions that had been made by then.
    pub(crate) made: u64,
    parcels: Vec<(Arc<Seat>, Parcel)>,
    /// What is to be committed with it.
    pub(crate) keeps: Option<Keeps>,
}

/// A message that is to be kept, and for whom.
#[derive(Debug)]
pub(crate) struct Keeps {
    pub(crate) stored: Arc<Stored>,
    pub(crate) recipients: Vec<Recipient>,
}

impl Hub {
    /// Decides who gets a message, and keeps room for it where it must not be lost.
    pub(crate) fn plan(
        &self,
        publish: &Publish,
        publisher: &Arc<str>,
        message: impl FnOnce() -> Arc<Message>,
    ) -> Plan {
        let inner = self.read();
        let made = inner.subscribers.made();
        let weight = publish.topic.len() + publish.payload.len();
        let ready = |client: &str| inner.readiness(client, weight);
        let wanting = inner.subscribers.of(publish, publisher, &ready);
        if wanting.is_empty() {
            return Plan { made, ..Plan::default() };
        }
        let with_seat = |(client, wants): (&Arc<str>, Wants)| Some((inner.seat(client)?, wants));
        let wanting: Vec<_> = wanting.into_iter().filter_map(with_seat).collect();
        drop(inner);
        let message = message();
        let mut plan = Plan { message: Some(Arc::clone(&message)), made, ..Plan::default() };
        for (seat, wants) in wanting {
            self.plan_one(&mut plan, seat, wants, &message);
        }
        plan
    }

    fn plan_one(&self, plan: &mut Plan, seat: Arc<Seat>, wants: Wants, message: &Arc<Message>) {
        let mut held = seat.lock();
        let lasts = held.session.expiry > 0 && self.memory().is_some();
        if held.gone || !lasts || wants.qos == QoS::AtMostOnce {
            drop(held);
            let parcel = Parcel::new(Arc::clone(message), wants.qos, wants.retain, wants.ids);
            plan.parcels.push((seat, parcel));
            return;
        }
        let weight = message.weight();
        let stored = match &plan.keeps {
            Some(keeps) => Some(Arc::clone(&keeps.stored)),
            None if weight >= STATE_VALUE_BYTES_MAX => None,
            None => self.ledger.store(weight),
        };
        let room =
            stored.and_then(|stored| Some((stored, held.session.out.reserve(weight, wants.qos)?)));
        let Some((stored, packet_id)) = room else {
            self.metrics.overflowed.increment();
            held.session.overflowed += 1;
            // A client that is there is told so; one that is away does not get it.
            held.swamped |= held.session.link.is_some();
            seat.wake.notify_one();
            return;
        };
        let recipient = Recipient {
            client: seat.client.to_string(),
            birth_ns: held.session.birth.unix_ns(),
            qos: wants.qos.value(),
            retain: wants.retain,
            ids: wants.ids.clone(),
            packet_id,
        };
        drop(held);
        let share = Some(stored.share(packet_id));
        let parcel = Parcel::new(Arc::clone(message), wants.qos, wants.retain, wants.ids);
        plan.parcels.push((seat, Parcel { share, ..parcel }));
        let keeps = plan.keeps.get_or_insert_with(|| Keeps { stored, recipients: Vec::new() });
        keeps.recipients.push(recipient);
    }

    /// Hands a message over. It must be durable by now.
    pub(crate) fn hand_over(&self, plan: Plan) {
        if let Some(keeps) = &plan.keeps {
            keeps.stored.laid();
        }
        for (seat, parcel) in plan.parcels {
            if parcel.share.is_none() {
                seat.offer(parcel, &self.metrics);
                continue;
            }
            let mut held = seat.lock();
            if !held.gone {
                held.session.out.offer_reserved(parcel);
                seat.wake.notify_one();
            }
        }
    }

    /// The message was not taken: nobody gets it.
    pub(crate) fn call_off(&self, plan: Plan) {
        for (seat, parcel) in plan.parcels {
            if parcel.share.is_some() {
                let (weight, id) = (parcel.message.weight(), parcel.packet_id());
                seat.lock().session.out.unreserve(weight, id);
            }
        }
    }

    /// Messages that are kept.
    pub(crate) fn waiting(&self) -> usize {
        self.ledger.len()
    }
}
