//! What goes out to one client: what waits, and what was sent and is not answered yet.
//!
//! Bounded by count and bytes; retained messages, which are in memory anyway, have a row and a
//! bound of their own. Answered messages leave in any order; after a new connection those that are
//! not answered are sent again in the order in which they were sent first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU16;

use sluicegate_core::time::Timestamp;

use super::super::limits::WINDOW_MAX;
use super::super::message::{Handing, Lease, Parcel};
use super::super::wire::{Packet, Publish, QoS, done};
use super::answered::{Flying, Lasts, Stage};
use super::ids::Numbers;
use super::row::Row;

/// How much may wait for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboxLimits {
    pub(crate) messages_max: usize,
    /// Bytes of those that wait, or are not answered.
    pub(crate) bytes_max: usize,
    /// Retained messages that may wait beside them.
    pub(crate) retained_max: usize,
}

/// What goes out to one client.
#[derive(Debug)]
pub(crate) struct Outbound {
    limits: OutboxLimits,
    waiting: Row,
    /// Sent before what waits: what came since is newer.
    retained: Row,
    /// Room for messages that are on their way to the disk first.
    reserved: Reserved,
    /// By the order of their first sending.
    pub(super) flying: BTreeMap<u64, Flying>,
    pub(super) flying_bytes: usize,
    /// Packet ids in use, with that order.
    pub(super) ids: BTreeMap<NonZeroU16, u64>,
    /// Those of them to be sent again on this connection, in order.
    pub(super) again: VecDeque<u64>,
    sent: u64,
    /// What time it was when that was last known.
    seen: Timestamp,
    pub(crate) numbers: Numbers,
}

#[derive(Debug, Default)]
struct Reserved {
    messages: usize,
    bytes: usize,
    /// Packet ids that were given to messages before they are sent.
    ids: BTreeSet<NonZeroU16>,
}

impl Outbound {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            waiting: Row::default(),
            retained: Row::default(),
            reserved: Reserved::default(),
            flying: BTreeMap::new(),
            flying_bytes: 0,
            ids: BTreeMap::new(),
            again: VecDeque::new(),
            sent: 0,
            seen: Timestamp::from_unix_ns(0),
            numbers: Numbers::default(),
        }
    }

    /// Lets a message wait.
    ///
    /// # Errors
    /// The message, when too many wait.
    pub(crate) fn offer(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        if !self.make_room(parcel.message.weight()) {
            return Err(parcel);
        }
        self.waiting.push(parcel);
        Ok(())
    }

    /// Whether one message more may wait. One that is alone may be as large as it is.
    pub(crate) fn has_room(&self, weight: usize) -> bool {
        let count = self.waiting.len() + self.reserved.messages;
        let bytes = self.waiting.bytes() + self.reserved.bytes + self.flying_bytes;
        (count == 0 && bytes == 0)
            || (count < self.limits.messages_max
                && bytes.saturating_add(weight) <= self.limits.bytes_max)
    }

    /// Whether there is room, if need be in the place of what is over.
    fn make_room(&mut self, weight: usize) -> bool {
        if !self.has_room(weight) {
            self.sweep(self.seen);
        }
        self.has_room(weight)
    }

    /// Takes out what is over before it was sent.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.seen = now;
        for id in self.waiting.sweep(now) {
            self.reserved.ids.remove(&id);
        }
        self.retained.sweep(now);
    }

    /// Whether something may be over before it was sent.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.waiting.is_due(now) || self.retained.is_due(now)
    }

    /// Keeps room for a message that is written down first, and gives it its packet id if it is of
    /// QoS 2. `None`: there is no room.
    pub(crate) fn reserve(&mut self, weight: usize, qos: QoS) -> Option<Option<NonZeroU16>> {
        if !self.make_room(weight) || self.reserved.ids.len() >= RESERVED_IDS_MAX {
            return None;
        }
        let id = match qos {
            QoS::ExactlyOnce => Some(self.free_id(Lasts::Written)?),
            _ => None,
        };
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
        self.waiting.push(parcel);
    }

    /// A message that waited before the process began. Of two with the same packet id the first
    /// was answered.
    pub(crate) fn restore(&mut self, parcel: Parcel) {
        if let Some(id) = parcel.packet_id()
            && !self.reserved.ids.insert(id)
        {
            self.waiting.retain(|other| other.packet_id() != Some(id));
        }
        self.waiting.push(parcel);
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
        self.flying.insert(self.sent, Flying { id, weight: 0, stage });
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
        let room = self.limits.retained_max.saturating_sub(self.retained.len());
        let over = parcels.len().saturating_sub(room);
        parcels.into_iter().take(room).for_each(|parcel| self.retained.push(parcel));
        over
    }

    /// The next packet to send, if one may be: `window` is how many the client takes unanswered.
    pub(crate) fn next(&mut self, window: u16, now: Timestamp) -> Option<Packet> {
        self.sweep(now);
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
        let again = !self.retained.is_empty();
        let parcel = if again { self.retained.front()? } else { self.waiting.front()? };
        let (qos, own) = (parcel.qos, parcel.packet_id());
        let id = match (qos, own) {
            (QoS::AtMostOnce, _) => None,
            _ if self.flying.len() >= usize::from(window) => return None,
            (_, Some(id)) => Some(id),
            (_, None) => Some(self.free_id(Lasts::Memory)?),
        };
        let parcel = if again { self.retained.pop()? } else { self.waiting.pop()? };
        let counts = !again && parcel.lease.is_none();
        let weight = if counts { parcel.message.weight() } else { 0 };
        Some(Packet::Publish(Box::new(self.send(parcel, id, weight, now))))
    }

    fn send(
        &mut self,
        parcel: Parcel,
        id: Option<NonZeroU16>,
        weight: usize,
        now: Timestamp,
    ) -> Publish {
        let packet = parcel.message.packet(&handing(&parcel, id, parcel.sent_before), now);
        let Some(id) = id else {
            // Nothing answers QoS 0: what was sent counts as had.
            parcel.lease.into_iter().for_each(Lease::done);
            return packet;
        };
        self.reserved.ids.remove(&id);
        self.sent += 1;
        self.ids.insert(id, self.sent);
        self.flying_bytes += weight;
        self.flying.insert(self.sent, Flying { id, weight, stage: Stage::Published(parcel) });
        packet
    }

    /// Whether it is a PUBLISH, which the receive maximum of the client bounds.
    fn counts(&self, order: u64) -> bool {
        let stage = self.flying.get(&order).map(|flying| &flying.stage);
        matches!(stage, Some(Stage::Published(_) | Stage::Releasing(_)))
    }

    fn resend(&mut self, order: u64, now: Timestamp) -> Option<Packet> {
        let Flying { id, stage, .. } = self.flying.get(&order)?;
        Some(match stage {
            Stage::Published(parcel) | Stage::Releasing(parcel) => {
                let packet = parcel.message.packet(&handing(parcel, Some(*id), true), now);
                Packet::Publish(Box::new(packet))
            }
            Stage::Released(_) => Packet::PublishRelease(done(*id)),
        })
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
        self.retained.retain(stays);
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

    /// A packet id that nothing has. `None` only if a restart has left the client with more than
    /// the bounds allow.
    fn free_id(&mut self, lasts: Lasts) -> Option<NonZeroU16> {
        let (ids, reserved) = (&self.ids, &self.reserved.ids);
        self.numbers.free(lasts, |id| !ids.contains_key(id) && !reserved.contains(id))
    }
}

fn handing(parcel: &Parcel, packet_id: Option<NonZeroU16>, dup: bool) -> Handing {
    Handing { qos: parcel.qos, retain: parcel.retain, dup, packet_id, ids: parcel.ids.clone() }
}

/// Packet ids that messages may have before they are sent.
const RESERVED_IDS_MAX: usize = 16_384;

/// There is a packet id for every message that the bounds allow.
const _: () = assert!(RESERVED_IDS_MAX + (WINDOW_MAX as usize) < u16::MAX as usize);
