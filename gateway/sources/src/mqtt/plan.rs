//! Who gets a message: decided before it is committed, so that what is kept for sessions that
//! outlive their connections is in the same entry; handed over after it.

use std::sync::Arc;

use super::hub::Hub;
use super::ledger::{For, Share, Stored};
use super::message::{Message, Parcel};
use super::record::{Recipient, message_len, recipient_len};
use super::seat::{Held, Seat};
use super::subscribers::Wants;
use super::wire::{Publish, QoS};

/// Who gets a message. To be handed over or called off: room is kept for it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The message, if anyone gets it.
    pub(crate) message: Option<Arc<Message>>,
    /// Subscriptions that had been made by then.
    pub(crate) made: u64,
    all: Vec<One>,
    /// What is to be committed with it.
    pub(crate) keeps: Option<Keeps>,
}

/// What one client gets.
#[derive(Debug)]
struct One {
    seat: Arc<Seat>,
    parcel: Parcel,
    way: Way,
}

/// How a client gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is written down, and room is kept for it.
    Kept,
    /// Out of memory.
    Memory,
    /// Out of memory, and only if the client is there: it could not be written down.
    IfThere,
}

/// A message that is to be kept, and for whom.
#[derive(Debug)]
pub(crate) struct Keeps {
    pub(crate) stored: Arc<Stored>,
    pub(crate) recipients: Vec<Recipient>,
}

impl Hub {
    /// Decides who gets a message, and keeps room for it where it must not be lost. Nobody is told
    /// of it, and nobody blamed: the line may still refuse it.
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
            let one = self.plan_one(&mut plan.keeps, seat, wants, &message);
            plan.all.push(one);
        }
        plan
    }

    fn plan_one(
        &self,
        keeps: &mut Option<Keeps>,
        seat: Arc<Seat>,
        wants: Wants,
        message: &Arc<Message>,
    ) -> One {
        let mut held = seat.lock();
        let lasts = held.session.expiry > 0 && self.memory().is_some();
        let way = if held.gone || !lasts || wants.qos == QoS::AtMostOnce {
            Way::Memory
        } else {
            Way::IfThere
        };
        let kept = match way {
            Way::IfThere => self.keep(keeps, &mut held, &seat.client, &wants, message),
            _ => None,
        };
        drop(held);
        let way = if kept.is_some() { Way::Kept } else { way };
        let parcel = Parcel::new(Arc::clone(message), wants.qos, wants.retain, wants.ids);
        One { seat, parcel: Parcel { share: kept, ..parcel }, way }
    }

    /// Keeps room for a message in the memory and in a session. `None`: there is none.
    fn keep(
        &self,
        keeps: &mut Option<Keeps>,
        held: &mut Held,
        client: &str,
        wants: &Wants,
        message: &Message,
    ) -> Option<Share> {
        let whose = For::client(held.session.link.is_some());
        let stored = match keeps {
            Some(keeps) => Arc::clone(&keeps.stored),
            None => self.ledger.store(message_len(message), whose)?,
        };
        let weight = message.weight();
        let packet_id = held.session.out.reserve(weight, wants.qos)?;
        if !stored.grow(recipient_len(client, wants.ids.len()), whose) {
            held.session.out.unreserve(weight, packet_id);
            return None;
        }
        let recipient = Recipient {
            client: client.to_owned(),
            birth_ns: held.session.birth.unix_ns(),
            qos: wants.qos.value(),
            retain: wants.retain,
            ids: wants.ids.clone(),
            packet_id,
        };
        let share = stored.share(packet_id);
        let keeps = keeps.get_or_insert_with(|| Keeps { stored, recipients: Vec::new() });
        keeps.recipients.push(recipient);
        Some(share)
    }

    /// Hands a message over. It must be durable by now.
    pub(crate) fn hand_over(&self, plan: Plan) {
        if let Some(keeps) = &plan.keeps {
            keeps.stored.laid();
        }
        for One { seat, parcel, way } in plan.all {
            match way {
                Way::Memory => seat.offer(parcel, &self.metrics),
                Way::IfThere if seat.lock().session.link.is_some() => {
                    // Without room here as well, the client is too slow, and is told so.
                    seat.offer(parcel, &self.metrics);
                }
                Way::IfThere => {
                    self.metrics.overflowed.increment();
                    seat.lock().session.overflowed += 1;
                }
                Way::Kept => {
                    let mut held = seat.lock();
                    if !held.gone {
                        held.session.out.offer_reserved(parcel);
                        held.wake.notify_one();
                    }
                }
            }
        }
    }

    /// Hands a message to those who have subscribed while it was on its way to the disk: it is the
    /// first one that comes after their subscription.
    pub(crate) fn hand_to_late(
        &self,
        publish: &Publish,
        publisher: &Arc<str>,
        made: u64,
        message: impl FnOnce() -> Arc<Message>,
    ) {
        let inner = self.read();
        let late = inner.subscribers.late(publish, publisher, made).into_iter();
        let late: Vec<_> =
            late.filter_map(|(client, wants)| Some((inner.seat(client)?, wants))).collect();
        drop(inner);
        if late.is_empty() {
            return;
        }
        let message = message();
        for (seat, wants) in late {
            let parcel = Parcel::new(Arc::clone(&message), wants.qos, wants.retain, wants.ids);
            seat.offer(parcel, &self.metrics);
        }
    }

    /// The message cannot be written down for anyone. Who is there gets it all the same.
    pub(crate) fn keep_nothing(&self, plan: &mut Plan) {
        plan.keeps = None;
        for one in &mut plan.all {
            one.unkeep();
        }
    }

    /// The message was not taken: nobody gets it.
    pub(crate) fn call_off(&self, mut plan: Plan) {
        self.keep_nothing(&mut plan);
    }

    /// Messages that are kept.
    pub(crate) fn waiting(&self) -> usize {
        self.ledger.len()
    }
}

impl One {
    fn unkeep(&mut self) {
        if self.way == Way::Kept {
            let (weight, id) = (self.parcel.message.weight(), self.parcel.packet_id());
            self.seat.lock().session.out.unreserve(weight, id);
            (self.parcel.share, self.way) = (None, Way::IfThere);
        }
    }
}
