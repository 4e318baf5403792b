//! What is sent and not answered, and what an answer of the client does to it.

use std::num::NonZeroU16;

use sluicegate_core::state::Write;

use super::super::ledger::Share;
use super::super::message::{Lease, Parcel};
use super::outbound::Outbound;

#[derive(Debug)]
pub(super) struct Flying {
    pub(super) id: NonZeroU16,
    /// What it takes of the room: nothing if it is retained, or comes out of a queue, which bounds
    /// it by a window of its own.
    pub(super) weight: usize,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
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
    /// PUBACK came, or a PUBREC that ends the exchange, or the packet cannot be sent at all.
    pub(crate) fn acked(&mut self, id: NonZeroU16) -> Answered {
        let Some(order) = self.ids.get(&id).copied() else { return Answered::Unknown };
        let Some(Flying { stage: Stage::Published(_), .. }) = self.flying.get(&order) else {
            return Answered::Unknown;
        };
        if let Some(Flying { stage: Stage::Published(parcel), .. }) = self.land(id, order) {
            parcel.lease.into_iter().for_each(Lease::done);
        }
        Answered::Known
    }

    /// PUBREC came: the client has it, and PUBREL is to be sent.
    pub(crate) fn received(&mut self, id: NonZeroU16) -> Answered {
        let flying = self.ids.get(&id).and_then(|order| self.flying.get_mut(order));
        let Some(Flying { stage, weight, .. }) = flying else { return Answered::Unknown };
        match std::mem::replace(stage, Stage::Released(Lasts::Memory)) {
            Stage::Published(parcel) if parcel.share.is_some() => {
                *stage = Stage::Releasing(parcel);
                Answered::ToWrite
            }
            Stage::Published(parcel) => {
                self.flying_bytes = self.flying_bytes.saturating_sub(std::mem::take(weight));
                parcel.lease.into_iter().for_each(Lease::done);
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
            Some(Flying { stage, weight, .. }) if matches!(stage, Stage::Releasing(_)) => {
                self.flying_bytes = self.flying_bytes.saturating_sub(std::mem::take(weight));
                *stage = Stage::Released(Lasts::Written);
                Answered::Known
            }
            _ => Answered::Unknown,
        }
    }

    /// It could not be written down that PUBREC came: it is as if it had not come.
    pub(crate) fn unreleased(&mut self, id: NonZeroU16) {
        let flying = self.ids.get(&id).and_then(|order| self.flying.get_mut(order));
        let Some(Flying { stage, .. }) = flying else { return };
        *stage = match std::mem::replace(stage, Stage::Released(Lasts::Memory)) {
            Stage::Releasing(parcel) => Stage::Published(parcel),
            other => other,
        };
    }

    /// PUBCOMP came. Says where it was written that it was waited for.
    pub(crate) fn completed(&mut self, id: NonZeroU16) -> Option<Lasts> {
        let order = self.ids.get(&id).copied()?;
        let Stage::Released(lasts) = self.flying.get(&order)?.stage else { return None };
        self.land(id, order);
        Some(lasts)
    }

    /// It is over: it is not sent again either.
    fn land(&mut self, id: NonZeroU16, order: u64) -> Option<Flying> {
        if let Ok(at) = self.again.binary_search(&order) {
            self.again.remove(at);
        }
        self.ids.remove(&id);
        let flying = self.flying.remove(&order)?;
        self.flying_bytes = self.flying_bytes.saturating_sub(flying.weight);
        Some(flying)
    }
}
