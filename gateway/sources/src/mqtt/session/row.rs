//! Messages in a row, with what they weigh, and when the first of them is over.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use sluicegate_core::time::Timestamp;

use super::super::message::Parcel;

/// Messages in a row.
#[derive(Debug, Default)]
pub(super) struct Row {
    parcels: VecDeque<Parcel>,
    bytes: usize,
    /// None of them is over before that.
    ends: Option<Timestamp>,
}

impl Row {
    pub(super) fn len(&self) -> usize {
        self.parcels.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Bytes of all of them, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, parcel: Parcel) {
        self.bytes += parcel.message.weight();
        self.ends = self.ends.into_iter().chain(parcel.message.expires_at).min();
        self.parcels.push_back(parcel);
    }

    pub(super) fn front(&self) -> Option<&Parcel> {
        self.parcels.front()
    }

    pub(super) fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes = self.bytes.saturating_sub(parcel.message.weight());
        Some(parcel)
    }

    /// Keeps those that are to be kept.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Parcel) -> bool) {
        self.parcels.retain(keep);
        self.bytes = self.parcels.iter().map(|parcel| parcel.message.weight()).sum();
    }

    /// Whether one of them may be over at `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }

    /// Takes out what is over at `now`; gives back the packet ids that it had.
    pub(super) fn sweep(&mut self, now: Timestamp) -> Vec<NonZeroU16> {
        let mut ids = Vec::new();
        if self.is_due(now) {
            self.retain(|parcel| {
                let over = parcel.message.is_over(now);
                ids.extend(parcel.packet_id().filter(|_| over));
                !over
            });
            self.ends = self.parcels.iter().filter_map(|parcel| parcel.message.expires_at).min();
        }
        ids
    }
}
