//! One call of the state machine: its time, its source of jitter, and the changes so far.

use super::traffic::{Change, Effect};
use crate::time::Timestamp;

/// One call of `handle`: the time, a source of jitter, and the changes so far.
pub(super) struct Turn {
    pub(super) now: Timestamp,
    random: u64,
    pub(super) changes: Vec<Change>,
}

impl Turn {
    pub(super) fn new(now: Timestamp, random: u64) -> Self {
        Self { now, random, changes: Vec::new() }
    }

    /// A new random number from the one given (splitmix64): each event has its own jitter.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn record_into(&mut self, effects: &mut Vec<Effect>) {
        if !self.changes.is_empty() {
            effects.push(Effect::Record(std::mem::take(&mut self.changes)));
        }
    }
}
