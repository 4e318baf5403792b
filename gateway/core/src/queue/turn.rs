//! One call of the state machine: its time, its source of jitter, what it may still do, and what
//! comes out of it.

use super::traffic::{Change, Effect};
use crate::time::Moment;

/// One call of `handle`.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) now: Moment,
    pub(super) effects: Vec<Effect>,
    pub(super) changes: Vec<Change>,
    /// Whether work was left for the next turn.
    pub(super) unfinished: bool,
    random: u64,
    left: usize,
}

impl Turn {
    pub(super) fn new(now: Moment, random: u64) -> Self {
        Self {
            now,
            effects: Vec::new(),
            changes: Vec::new(),
            unfinished: false,
            random,
            left: TURN_MAX,
        }
    }

    /// A new random number from the one given (splitmix64): each event has its own jitter.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Whether one more event may be seen to in this turn, other than by handing it out.
    pub(super) fn spend(&mut self) -> bool {
        self.unfinished |= self.left == 0;
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// Turns the changes so far into an effect that nobody waits for.
    pub(super) fn record(&mut self) {
        if !self.changes.is_empty() {
            self.effects.push(Effect::Record(std::mem::take(&mut self.changes)));
        }
    }
}

/// Events that are seen to in one turn, other than by handing them out: a million leases that run
/// out together must not stop the queue for a second, nor make one entry of a gigabyte.
const TURN_MAX: usize = 1_000;
