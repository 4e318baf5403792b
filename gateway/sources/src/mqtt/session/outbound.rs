//! What goes out to one client: what waits, and what was sent and is not answered yet.
//!
//! Bounded by count and bytes. Answered messages leave in any order; after a new connection those
//! that are not answered are sent again in the order in which they were sent first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU16;

use sluicegate_core::state::Write;
use sluicegate_core::time::Timestamp;

use super::super::ledger::Share;
use super::super::message::{Handing, Parcel};
use super::super::wire::{Packet, Publish, QoS, done};
use super::ids::Numbers;

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
    /// Room for messages that are on their way to the disk first.
    reserved: Reserved,
    /// By the order of their first sending.
    flying: BTreeMap<u64, Flying>,
    /// Packet ids in use, with that order.
    ids: BTreeMap<NonZeroU16, u64>,
    /// Those of them to be sent again on this connection, in order.
    again: VecDeque<u64>,
    sent: u64,
    pub(crate) numbers: Numbers,
}

#[derive(Debug)]
struct Flying {
    id: NonZeroU16,
    stage: Stage,
}

#[derive(Debug, Default)]
struct Reserved {
    messages: usize,
    bytes: usize,
    /// Packet ids that were given to messages before they are sent.
    ids: BTreeSet<NonZeroU16>,
}

#[derive(Debug)]
enum Stage {
    /// PUBLISH was sent.
    Published(Parcel),
    /// PUBREC came, and is being written down before PUBREL is sent.
    Releasing(Parcel),
    /// PUBREC came, PUBREL was sent: the client has it.
    Released(Lasts),
}

/// Whether something outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// It is written down.
    Written,
    /// It is in memory.
    Memory,
}

/// What became of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It was waited for.
    Known,
    /// It was waited for, and is to be written down before it counts.
    ToWrite,
    /// It is being written down.
    Writing,
    /// Nothing with that packet id waits for such an answer.
    Unknown,
}

impl Outbound {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            reserved: Reserved::default(),
            flying: BTreeMap::new(),
            ids: BTreeMap::new(),
            again: VecDeque::new(),
            sent: 0,
            numbers: Numbers::default(),
        }
    }

    /// Lets a message wait.
    ///
    /// # Errors
    /// The message, when too many wait.
    pub(crate) fn offer(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        if !self.has_room(parcel.message.weight()) {
            return Err(parcel);
        }
        self.push(parcel);
        Ok(())
    }

    fn has_room(&self, weight: usize) -> bool {
        let count = self.waiting.len() + self.reserved.messages;
        let bytes = self.waiting_bytes + self.reserved.bytes;
        count == 0
            || (count < self.limits.messages_max
                && bytes.saturating_add(weight) <= self.limits.bytes_max)
    }

    fn push(&mut self, parcel: Parcel) {
        self.waiting_bytes += parcel.message.weight();
        self.waiting.push_back(parcel);
    }

    /// Keeps room for a message that is written down first, and gives it its packet id if it is of
    /// QoS 2. `None`: there is no room.
    pub(crate) fn reserve(&mut self, weight: usize, qos: QoS) -> Option<Option<NonZeroU16>> {
        if !self.has_room(weight) || self.reserved.ids.len() >= RESERVED_IDS_MAX {
            return None;
        }
        let id = (qos == QoS::ExactlyOnce).then(|| self.free_id(Lasts::Written));
        self.reserved.messages += 1;
        self.reserved.bytes += weight;
        self.reserved.ids.extend(id);
        Some(id)
    }

    /// What room was kept for is not to come.
    pub(crate) fn unreserve(&mut self, weight: usize, id: Option<NonZeroU16>) {
        self.reserved.messages = self.reserved.messages.saturating_sub(1);
        self.reserved.bytes = self.reserved.bytes.saturating_sub(weight);
        if let Some(id) = id {
            self.reserved.ids.remove(&id);
        }
    }

    /// A message that room was kept for is durable, and waits. Its packet id stays its own.
    pub(crate) fn offer_reserved(&mut self, parcel: Parcel) {
        self.unreserve(parcel.message.weight(), None);
        self.push(parcel);
    }

    /// A message that waited before the process began. Of two with the same packet id the first
    /// was answered.
    pub(crate) fn restore(&mut self, parcel: Parcel) {
        if let Some(id) = parcel.packet_id()
            && !self.reserved.ids.insert(id)
        {
            self.waiting.retain(|other| other.packet_id() != Some(id));
            self.waiting_bytes = self.waiting.iter().map(|parcel| parcel.message.weight()).sum();
        }
        self.push(parcel);
    }

    /// PUBREC had come for this packet id before the process began. Says whether it still counts:
    /// not if another message has the id.
    pub(crate) fn restore_released(&mut self, id: NonZeroU16) -> bool {
        if self.reserved.ids.contains(&id) || self.ids.contains_key(&id) {
            return false;
        }
        self.sent += 1;
        self.ids.insert(id, self.sent);
        let stage = Stage::Released(Lasts::Written);
        self.flying.insert(self.sent, Flying { id, stage });
        true
    }

    /// Packet ids of which it is written down that PUBREC came.
    pub(crate) fn released_ids(&self) -> Vec<NonZeroU16> {
        let written = |flying: &&Flying| {
            matches!(flying.stage, Stage::Released(Lasts::Written) | Stage::Releasing(_))
        };
        self.flying.values().filter(written).map(|flying| flying.id).collect()
    }

    /// The session is over.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limits);
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
        while let Some(order) = self.again.front().copied() {
            // What waits to be sent again is not on its way on this connection.
            let on_their_way = self.flying.len().saturating_sub(self.again.len());
            if self.counts(order) && on_their_way >= usize::from(window) {
                return None;
            }
            self.again.pop_front();
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
                if let Some(id) = parcel.packet_id() {
                    self.reserved.ids.remove(&id);
                }
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
        let id = parcel.packet_id().unwrap_or_else(|| self.free_id(Lasts::Memory));
        self.reserved.ids.remove(&id);
        let packet = parcel.message.packet(&handing(&parcel, Some(id), parcel.sent_before), now);
        self.sent += 1;
        self.ids.insert(id, self.sent);
        self.flying.insert(self.sent, Flying { id, stage: Stage::Published(parcel) });
        packet
    }

    /// Whether it is a PUBLISH, which the receive maximum of the client bounds.
    fn counts(&self, order: u64) -> bool {
        let stage = self.flying.get(&order).map(|flying| &flying.stage);
        matches!(stage, Some(Stage::Published(_) | Stage::Releasing(_)))
    }

    /// It is over: it is not sent again either.
    fn land(&mut self, id: NonZeroU16, order: u64) -> Option<Flying> {
        if let Ok(at) = self.again.binary_search(&order) {
            self.again.remove(at);
        }
        self.ids.remove(&id);
        self.flying.remove(&order)
    }

    fn resend(&mut self, order: u64, now: Timestamp) -> Option<Packet> {
        let Flying { id, stage } = self.flying.get(&order)?;
        Some(match stage {
            Stage::Published(parcel) | Stage::Releasing(parcel) => {
                let packet = parcel.message.packet(&handing(parcel, Some(*id), true), now);
                Packet::Publish(Box::new(packet))
            }
            Stage::Released(_) => Packet::PublishRelease(done(*id)),
        })
    }

    /// PUBACK came, or a PUBREC that ends the exchange, or the packet cannot be sent at all.
    pub(crate) fn acked(&mut self, id: NonZeroU16) -> Answered {
        let Some(order) = self.ids.get(&id).copied() else { return Answered::Unknown };
        let Some(Flying { stage: Stage::Published(_), .. }) = self.flying.get(&order) else {
            return Answered::Unknown;
        };
        if let Some(Flying { stage: Stage::Published(parcel), .. }) = self.land(id, order) {
            parcel.lease.into_iter().for_each(super::super::message::Lease::done);
        }
        Answered::Known
    }

    /// PUBREC came: the client has it, and PUBREL is to be sent.
    pub(crate) fn received(&mut self, id: NonZeroU16) -> Answered {
        let flying = self.ids.get(&id).and_then(|order| self.flying.get_mut(order));
        let Some(Flying { stage, .. }) = flying else { return Answered::Unknown };
        match std::mem::replace(stage, Stage::Released(Lasts::Memory)) {
            Stage::Published(parcel) if parcel.share.is_some() => {
                *stage = Stage::Releasing(parcel);
                Answered::ToWrite
            }
            Stage::Published(parcel) => {
                parcel.lease.into_iter().for_each(super::super::message::Lease::done);
                Answered::Known
            }
            Stage::Releasing(parcel) => {
                *stage = Stage::Releasing(parcel);
                Answered::Writing
            }
            Stage::Released(lasts) => {
                *stage = Stage::Released(lasts);
                Answered::Known
            }
        }
    }

    /// The write that says that a client has a message whose PUBREC came.
    pub(crate) fn writing(&self, id: NonZeroU16) -> Option<(std::sync::Arc<str>, Write)> {
        match &self.flying.get(self.ids.get(&id)?)?.stage {
            Stage::Releasing(parcel) => parcel.share.as_ref().map(Share::done),
            _ => None,
        }
    }

    /// It is written down that PUBREC came.
    pub(crate) fn released(&mut self, id: NonZeroU16) -> Answered {
        let flying = self.ids.get(&id).and_then(|order| self.flying.get_mut(order));
        match flying {
            Some(Flying { stage, .. }) if matches!(stage, Stage::Releasing(_)) => {
                *stage = Stage::Released(Lasts::Written);
                Answered::Known
            }
            _ => Answered::Unknown,
        }
    }

    /// PUBCOMP came. Says where it was written that it was waited for.
    pub(crate) fn completed(&mut self, id: NonZeroU16) -> Option<Lasts> {
        let order = self.ids.get(&id).copied()?;
        let Stage::Released(lasts) = self.flying.get(&order)?.stage else { return None };
        self.land(id, order);
        Some(lasts)
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

    fn free_id(&mut self, lasts: Lasts) -> NonZeroU16 {
        let (ids, reserved) = (&self.ids, &self.reserved.ids);
        self.numbers.free(lasts, |id| !ids.contains_key(id) && !reserved.contains(id))
    }
}

fn handing(parcel: &Parcel, packet_id: Option<NonZeroU16>, dup: bool) -> Handing {
    Handing { qos: parcel.qos, retain: parcel.retain, dup, packet_id, ids: parcel.ids.clone() }
}

/// Packet ids that messages may have before they are sent.
const RESERVED_IDS_MAX: usize = 16_384;
