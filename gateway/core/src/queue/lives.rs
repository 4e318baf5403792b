//! How long events live: when an event comes, the wall clock says what is left of its life, and
//! from then on that is measured by the clock that nobody sets. A wall clock that jumps expires
//! nothing early, and keeps nothing.
//!
//! Nothing is kept by event: only how the two clocks stood when events came, anew where one of
//! them was set. It is never forgotten while the process runs, so that an event's end never moves.

use std::collections::VecDeque;

use super::item::{Item, Place};
use crate::time::{Moment, Timestamp};

/// How the clocks stood when events came.
#[derive(Debug, Default)]
pub(super) struct Lives(VecDeque<(Place, Moment)>);

impl Lives {
    /// What is here already came at this moment, as far as anybody can tell.
    pub(super) fn begin(&mut self, now: Moment) {
        if self.0.is_empty() {
            self.0.push_back((Place::START, now));
        }
    }

    /// Events with this id and greater ones come now.
    pub(super) fn come(&mut self, id: Place, now: Moment) {
        self.begin(now);
        let Some((_, known)) = self.0.back() else { return };
        let expected = known.wall_at(now.steady);
        let apart = expected.since(now.wall).max(now.wall.since(expected));
        if apart.as_millis() > APART_MS_MAX && self.0.len() < SETTINGS_MAX {
            self.0.push_back((id, now));
        }
    }

    /// When an event expires, by the steady clock.
    pub(super) fn end_of(&self, item: &Item) -> Option<Timestamp> {
        let expires_at = item.terms.expires_at?;
        let after = self.0.partition_point(|(first, _)| *first <= item.id);
        let (_, came) = self.0.get(after.checked_sub(1)?)?;
        Some(came.steady_at(expires_at))
    }

    /// Whether an event has expired.
    pub(super) fn is_over(&self, item: &Item, now: Moment) -> bool {
        self.end_of(item).is_some_and(|end| end <= now.steady)
    }
}

/// The clocks may drift apart so far, in milliseconds, before it is noted.
pub(super) const APART_MS_MAX: u128 = 1_000;
/// So many settings of the wall clock are noted; what comes after more of them is measured as if
/// it had come before.
const SETTINGS_MAX: usize = 1_000;
