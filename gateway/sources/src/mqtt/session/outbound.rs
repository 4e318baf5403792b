//! What goes out to one client: what waits, and what was sent and is not answered yet.
//!
//! Bounded by count and bytes. Answered messages leave in any order; after a new connection those
//! that are not answered are sent again in the order in which they were sent first.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;

use sluicegate_core::time::Timestamp;

use super::super::message::{Handing, Parcel};
use super::super::wire::{Packet, Publish, QoS, done};

/// How much may wait for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboxLimits {
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
    /// Messages that may wait where retained ones are among them.
    pub(crate) retained_max: usize,
}

/// What goes out to one client.
#[derive(Debug)]
pub(crate) struct Outbound {
    limits: OutboxLimits,
    waiting: VecDeque<Parcel>,
    waiting_bytes: usize,
    /// By the order of their first sending.
    flying: BTreeMap<u64, Flying>,
    /// Packet ids in use, with that order.
    ids: BTreeMap<NonZeroU16, u64>,
    /// Those of them to be sent again on this connection, in order.
    again: VecDeque<u64>,
    sent: u64,
    last_id: u16,
}

#[derive(Debug)]
struct Flying {
    id: NonZeroU16,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// PUBLISH was sent.
    Published(Parcel),
    /// PUBREC came, PUBREL was sent: the client has it.
    Released,
}

/// What became of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It was waited for.
    Known,
    /// Nothing with that packet id waits for such an answer.
    Unknown,
}

impl Outbound {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            flying: BTreeMap::new(),
            ids: BTreeMap::new(),
            again: VecDeque::new(),
            sent: 0,
            last_id: 0,
        }
    }

    /// Lets a message wait.
    ///
    /// # Errors
    /// The message, when too many wait.
    pub(crate) fn offer(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        let weight = parcel.message.weight();
        let fits = self.waiting.len() < self.limits.messages_max
            && self.waiting_bytes.saturating_add(weight) <= self.limits.bytes_max;
        if !fits && !self.waiting.is_empty() {
            return Err(parcel);
        }
        self.waiting_bytes += weight;
        self.waiting.push_back(parcel);
        Ok(())
    }

    /// Lets retained messages wait: they are in memory anyway, so that only their number counts.
    /// Says how many found no room.
    pub(crate) fn offer_retained(&mut self, parcels: Vec<Parcel>) -> usize {
        let room = self.limits.retained_max.saturating_sub(self.waiting.len());
        let over = parcels.len().saturating_sub(room);
        for parcel in parcels.into_iter().take(room) {
            self.waiting_bytes += parcel.message.weight();
            self.waiting.push_back(parcel);
        }
        over
    }

    /// The next packet to send, if one may be: `window` is how many the client takes unanswered.
    pub(crate) fn next(&mut self, window: u16, now: Timestamp) -> Option<Packet> {
        while let Some(order) = self.again.pop_front() {
            if let Some(packet) = self.resend(order, now) {
                return Some(packet);
            }
        }
        loop {
            let parcel = self.waiting.front()?;
            if parcel.qos != QoS::AtMostOnce && self.flying.len() >= usize::from(window) {
                return None;
            }
            let parcel = self.waiting.pop_front()?;
            self.waiting_bytes = self.waiting_bytes.saturating_sub(parcel.message.weight());
            if parcel.message.is_over(now) {
                continue;
            }
            return Some(Packet::Publish(Box::new(self.send(parcel, now))));
        }
    }

    fn send(&mut self, parcel: Parcel, now: Timestamp) -> Publish {
        if parcel.qos == QoS::AtMostOnce {
            let packet = parcel.message.packet(&handing(&parcel, None, false), now);
            // Nothing answers QoS 0: what was sent counts as had.
            parcel.lease.into_iter().for_each(super::super::message::Lease::done);
            return packet;
        }
        let id = self.free_id();
        let packet = parcel.message.packet(&handing(&parcel, Some(id), false), now);
        self.sent += 1;
        self.ids.insert(id, self.sent);
        self.flying.insert(self.sent, Flying { id, stage: Stage::Published(parcel) });
        packet
    }

    fn resend(&mut self, order: u64, now: Timestamp) -> Option<Packet> {
        let Flying { id, stage } = self.flying.get(&order)?;
        Some(match stage {
            Stage::Published(parcel) => {
                let packet = parcel.message.packet(&handing(parcel, Some(*id), true), now);
                Packet::Publish(Box::new(packet))
            }
            Stage::Released => Packet::PublishRelease(done(*id)),
        })
    }

    /// PUBACK came, or a PUBREC that ends the exchange, or the packet cannot be sent at all.
    pub(crate) fn acked(&mut self, id: NonZeroU16) -> Answered {
        let Some(order) = self.ids.get(&id).copied() else { return Answered::Unknown };
        let Some(Flying { stage: Stage::Published(_), .. }) = self.flying.get(&order) else {
            return Answered::Unknown;
        };
        self.ids.remove(&id);
        if let Some(Flying { stage: Stage::Published(parcel), .. }) = self.flying.remove(&order) {
            parcel.lease.into_iter().for_each(super::super::message::Lease::done);
        }
        Answered::Known
    }

    /// PUBREC came: the client has it, and PUBREL is to be sent.
    pub(crate) fn received(&mut self, id: NonZeroU16) -> Answered {
        let flying = self.ids.get(&id).and_then(|order| self.flying.get_mut(order));
        match flying {
            Some(Flying { stage, .. }) => {
                if let Stage::Published(parcel) = std::mem::replace(stage, Stage::Released) {
                    parcel.lease.into_iter().for_each(super::super::message::Lease::done);
                }
                Answered::Known
            }
            None => Answered::Unknown,
        }
    }

    /// PUBCOMP came.
    pub(crate) fn completed(&mut self, id: NonZeroU16) -> Answered {
        let released = |order: &u64| {
            matches!(self.flying.get(order), Some(Flying { stage: Stage::Released, .. }))
        };
        let Some(order) = self.ids.get(&id).copied().filter(released) else {
            return Answered::Unknown;
        };
        self.ids.remove(&id);
        self.flying.remove(&order);
        Answered::Known
    }

    /// A new connection: everything that is not answered is sent again.
    pub(crate) fn resume(&mut self) {
        self.again = self.flying.keys().copied().collect();
    }

    /// The connection is gone: what is of QoS 0, or leased, does not wait for the next one.
    pub(crate) fn part(&mut self) {
        self.again.clear();
        let stays = |parcel: &Parcel| parcel.qos != QoS::AtMostOnce && parcel.lease.is_none();
        self.waiting.retain(stays);
        self.waiting_bytes = self.waiting.iter().map(|parcel| parcel.message.weight()).sum();
        let ids = &mut self.ids;
        self.flying.retain(|_, flying| {
            let leased =
                matches!(&flying.stage, Stage::Published(parcel) if parcel.lease.is_some());
            if leased {
                ids.remove(&flying.id);
            }
            !leased
        });
    }

    /// A packet id that nothing in flight has. There is one: a window has at most 65,535.
    fn free_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && !self.ids.contains_key(&id)
            {
                return id;
            }
        }
    }
}

fn handing(parcel: &Parcel, packet_id: Option<NonZeroU16>, dup: bool) -> Handing {
    Handing { qos: parcel.qos, retain: parcel.retain, dup, packet_id, ids: parcel.ids.clone() }
}
