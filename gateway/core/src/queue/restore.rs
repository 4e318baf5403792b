//! Rebuilding a queue from the log, before it runs. Calls come in the order of the log.

use super::item::{Item, Place};
use super::policy::Policy;
use super::state::{Delayed, QueueState};
use crate::time::Timestamp;

impl QueueState {
    /// Treats events in another way from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Rebuilds: the event lies in this queue.
    pub fn restore(&mut self, item: Item) {
        self.stats.bytes += u64::from(item.weight);
        self.ready.insert(item);
    }

    /// Rebuilds: the event was handed out for this attempt. The lease is void: it is ready.
    pub fn restore_attempt(&mut self, place: Place, attempt: u32) {
        if let Some(item) = self.take_waiting(place) {
            self.ready.insert(Item { attempts: attempt, ..item });
        }
    }

    /// Rebuilds: the event waits for its next attempt.
    pub fn restore_delay(&mut self, place: Place, until: Timestamp) {
        if let Some(item) = self.take_waiting(place) {
            self.delay(item, until);
        }
    }

    /// Rebuilds: the event left this queue. `None` if it was not there.
    pub fn take(&mut self, place: Place) -> Option<Item> {
        let item = self.take_waiting(place)?;
        self.forget(&item);
        Some(item)
    }

    /// Every event that is not leased and to which something has happened, such as a
    /// dead-lettering.
    pub fn exceptions(&self) -> impl Iterator<Item = &Item> {
        self.ready.exceptions().chain(self.delayed.values().map(|delayed| &delayed.item))
    }

    pub(super) fn take_waiting(&mut self, place: Place) -> Option<Item> {
        if let Some(Delayed { until, item }) = self.delayed.remove(&place) {
            self.delay_ends.remove(&(until, place));
            return Some(item);
        }
        self.ready.take(place)
    }
}
