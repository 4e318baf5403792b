//! How quick a plugin has been: a quick one is asked where the event stands, a slow one is asked on
//! a thread of this room.
//!
//! Handing an event to another thread and back costs several times what a call of a compiled
//! filter costs. So the caller's own thread asks, as long as the plugin answers in no time. The
//! first slow answer costs that thread at most the deadline; from then on the plugin's events are
//! handed over, for twice as many calls with each slow answer that follows.
//!
//! A plugin that is asked about several events in one call is never asked there: its events meet in
//! the line.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How quick one plugin has been.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Calls still to be handed over.
    handed_over: AtomicU32,
    /// How many calls the last slow answer had handed over; 0 after a quick one in between.
    penalty: AtomicU32,
    /// Every call is handed over, however quick the plugin is.
    always: bool,
}

impl Pace {
    /// That of a plugin that was not asked yet, and takes several events in one call or not.
    pub(crate) fn new(takes_several: bool) -> Self {
        Self { always: takes_several, ..Self::default() }
    }

    /// Whether the caller's own thread may ask now. Counts down if it may not.
    pub(crate) fn is_quick(&self) -> bool {
        let left = self.handed_over.load(Ordering::Relaxed);
        if left > 0 {
            // Racing callers may count a call twice: it is a rule of thumb.
            self.handed_over.store(left - 1, Ordering::Relaxed);
        }
        left == 0 && !self.always
    }

    /// Whether it was slow not long ago: then what it costs is measured exactly.
    pub(crate) fn was_slow(&self) -> bool {
        self.penalty.load(Ordering::Relaxed) > 0
    }

    /// Notes how long the thread ran for an answer. By the clock on the wall, a call would count as
    /// slow because the machine is full, and handing over then costs what is short.
    pub(crate) fn answered(&self, ran: Duration) {
        let penalty = self.penalty.load(Ordering::Relaxed);
        if ran > SLOW {
            let next = penalty.saturating_mul(2).clamp(PENALTY_MIN, PENALTY_MAX);
            self.penalty.store(next, Ordering::Relaxed);
            self.handed_over.store(next, Ordering::Relaxed);
        } else if penalty != 0 && self.handed_over.load(Ordering::Relaxed) == 0 {
            self.penalty.store(0, Ordering::Relaxed);
        }
    }
}

/// A slower answer would be felt by the other events of the caller's thread.
const SLOW: Duration = Duration::from_millis(1);

const PENALTY_MIN: u32 = 16;
const PENALTY_MAX: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(1);
    const LONG: Duration = Duration::from_millis(10);

    fn handed_over(pace: &Pace) -> usize {
        std::iter::repeat_with(|| pace.is_quick()).take_while(|quick| !quick).count()
    }

    #[test]
    fn a_slow_answer_hands_over_and_a_second_one_twice_as_much() {
        let pace = Pace::default();
        assert!(pace.is_quick());
        pace.answered(LONG);
        pace.answered(LONG);
        assert_eq!(handed_over(&pace), 32);
        for _ in 0..40 {
            pace.answered(LONG);
        }
        assert_eq!(handed_over(&pace), PENALTY_MAX as usize);
    }

    #[test]
    fn what_takes_batches_is_always_handed_over() {
        let pace = Pace::new(true);
        pace.answered(QUICK);
        assert!(!pace.is_quick());
        assert!(Pace::new(false).is_quick());
    }

    #[test]
    fn a_plugin_that_is_quick_again_is_forgiven() {
        let pace = Pace::default();
        pace.answered(LONG);
        pace.answered(QUICK);
        assert_eq!(handed_over(&pace), 16);
        pace.answered(QUICK);
        pace.answered(LONG);
        assert_eq!(handed_over(&pace), 16);
    }
}
