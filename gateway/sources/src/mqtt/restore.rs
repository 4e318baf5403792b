//! What was kept before the process began is taken up: every client is away since just now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::state::Write;
use sluicegate_core::time::Timestamp;

use super::done::Done;
use super::hub::{Hub, Inner};
use super::ledger::{done_key, list_key};
use super::memory::{Exchange, Has, Kept, retained_key};
use super::message::Parcel;
use super::record::{self, Recipient, Waiting, message_len, recipient_len};
use super::seat::{Held, Seat, Will};
use super::session::OutboxLimits;
use super::wire::QoS;

impl Hub {
    /// Takes up what was kept before the process began.
    pub(crate) fn restore(&self, mut kept: Vec<Kept>, now: Timestamp) {
        // Sessions first, and what waits in its order: the rest belongs to them.
        kept.sort_by_key(Kept::order);
        let mut had: HashMap<u64, Done> = HashMap::new();
        let mut over = Vec::new();
        let mut inner = self.write();
        for one in kept {
            match one {
                Kept::Session { client, record } => {
                    inner.restore(client, &record, self.limits().outbox, now);
                }
                Kept::Done { number, has } => {
                    let done = had.entry(number).or_default();
                    match has {
                        Has::Listed(list) => done.read(&list),
                        Has::One(index) => done.read_alone(index),
                    }
                }
                Kept::Waiting { number, waiting } => {
                    let done = had.remove(&number).unwrap_or_default();
                    self.restore_waiting(&inner, number, waiting, done, now);
                }
                Kept::Received(one) => {
                    let there = inner.act_for(&one, |held| held.session.restore_received(one.id));
                    self.forget_unless(there.is_some(), one.received_key());
                }
                Kept::Released(one) => {
                    let there =
                        inner.act_for(&one, |held| held.session.out.restore_released(one.id));
                    self.forget_unless(there == Some(true), one.released_key());
                }
                Kept::Retained(message) => {
                    let message = Arc::new(message);
                    if message.is_over(now) || inner.retained.keep(&message).is_err() {
                        over.push((retained_key(&message.topic), Write::Delete));
                    }
                }
                Kept::Will(will) => self.restore_will(&mut inner, will, now),
            }
        }
        if let Some(memory) = self.memory().filter(|_| !over.is_empty()) {
            // Laid down by the call, before anyone can publish on these topics. What is not
            // deleted now is found again.
            drop(memory.write(over));
        }
        // Their messages are gone.
        for (number, done) in had {
            self.ledger.delete(list_key(number));
            for index in done.all_by_themselves() {
                self.ledger.delete(done_key(number, index));
            }
        }
    }

    /// Its session has ended: nobody needs it.
    fn forget_unless(&self, needed: bool, key: Arc<str>) {
        if !needed {
            self.ledger.delete(key);
        }
    }

    fn restore_waiting(
        &self,
        inner: &Inner,
        number: u64,
        waiting: Waiting,
        done: Done,
        now: Timestamp,
    ) {
        let Waiting { recipients, message } = waiting;
        let message = Arc::new(message);
        // Dropped at the end: what nobody needs is deleted then.
        let each = |one: &Recipient| recipient_len(&one.client, one.ids.len());
        let bytes = message_len(&message) + recipients.iter().map(each).sum::<usize>();
        let has: Vec<bool> = (0_u32..).zip(&recipients).map(|(at, _)| done.has(at)).collect();
        let stored = self.ledger.found(number, bytes, done);
        for (has, recipient) in has.into_iter().zip(recipients) {
            let share = stored.share(recipient.packet_id);
            if has || message.is_over(now) {
                continue;
            }
            let Recipient { client, birth_ns, qos, retain, ids, packet_id: _ } = recipient;
            let (Some(seat), Ok(qos)) = (inner.seat(&client), QoS::try_from(qos)) else { continue };
            let mut held = seat.lock();
            if held.session.birth.unix_ns() == birth_ns {
                let parcel = Parcel::new(Arc::clone(&message), qos, retain, ids);
                let parcel = Parcel { share: Some(share), sent_before: true, ..parcel };
                held.session.out.restore(parcel);
            }
        }
    }

    fn restore_will(&self, inner: &mut Inner, will: Will, now: Timestamp) {
        will.number.inspect(|number| self.ledger.number_after(*number));
        let Some(seat) = inner.seat(&will.client).filter(|_| will.delay > 0) else {
            return inner.wills.push(will);
        };
        let mut held = seat.lock();
        let wait = Duration::from_secs(will.delay.min(held.session.expiry).into());
        let at = now.plus(wait);
        // There may be two, if a crash came between a connection and the one that took its place.
        inner.wills.extend(held.will.replace(will));
        held.will_at = Some(at);
        drop(held);
        inner.wait(at, &seat.client);
    }
}

impl Inner {
    fn restore(
        &mut self,
        client: Arc<str>,
        record: &record::Session,
        limits: OutboxLimits,
        now: Timestamp,
    ) {
        let seat = Arc::new(Seat::new(Arc::clone(&client), limits, record.birth()));
        let mut held = seat.lock();
        (held.kept, held.session.expiry) = (Some(record.expiry), record.expiry);
        held.session.owner = record.owner.clone();
        held.session.out.numbers.restore(record.block);
        for (filter, subscription) in record.subscriptions() {
            self.subscribers.add(&client, &subscription.wanted, subscription.grant);
            held.session.subscriptions.insert(filter, subscription);
        }
        if record.expiry != u32::MAX {
            let end = now.plus(Duration::from_secs(record.expiry.into()));
            held.ends_at = Some(end);
            self.wait(end, &client);
        }
        drop(held);
        self.sit(seat);
    }

    /// Does something in the session that an exchange of QoS 2 belongs to, if it is still there.
    fn act_for<T>(&self, one: &Exchange, act: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let seat = self.seat(&one.client)?;
        let mut held = seat.lock();
        (held.session.birth == one.birth).then(|| act(&mut held))
    }
}
