//! Which events were found, and how often: what decides whether a run may print its figures.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::payload;

/// One bit for each event, and counts of what must not be.
pub(super) struct Seen {
    bits: Vec<AtomicU64>,
    events: AtomicU64,
    doubled: AtomicU64,
    changed: AtomicU64,
}

/// What was found wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    lost: u64,
    doubled: u64,
    changed: u64,
    /// Found, and never published, or settled before.
    uncalled: u64,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, changed, uncalled } = self;
        write!(f, "wrong data: {lost} lost, {doubled} doubled, {changed} changed, ")?;
        write!(f, "{uncalled} that must not be there")
    }
}

impl Seen {
    /// Room for events with numbers under `bound`.
    pub(super) fn new(bound: u64) -> Self {
        let words = usize::try_from(bound.div_ceil(64)).expect("it fits into memory");
        Self {
            bits: (0..words).map(|_| AtomicU64::new(0)).collect(),
            events: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
            changed: AtomicU64::new(0),
        }
    }

    /// An event was found with this payload; its number, if it is an event's.
    pub(super) fn see(&self, payload: &[u8]) -> Option<u64> {
        let number = payload::number_of(payload);
        if !number.is_some_and(|number| self.mark(number)) {
            self.changed.fetch_add(1, Ordering::Relaxed);
        }
        number
    }

    /// The same, for who does not care about the number.
    pub(super) fn show(&self, payload: &[u8]) {
        let _: Option<u64> = self.see(payload);
    }

    /// Marks these events.
    pub(super) fn mark_all(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            if !self.mark(number) {
                self.changed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Marks this event; `false` if its number is out of bounds.
    fn mark(&self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        let word = usize::try_from(number / 64).ok().and_then(|at| self.bits.get(at));
        let Some(word) = word else { return false };
        if word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.events.fetch_add(1, Ordering::Relaxed);
        } else {
            self.doubled.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// How many different events were found.
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Whether this event was found.
    pub(super) fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.bits.get(at));
        word.is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (number % 64) != 0)
    }

    /// Whether exactly the events under `published` were found, each once.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn audit(&self, published: u64) -> Result<(), String> {
        self.audit_with(|number| if number < published { Due::Must } else { Due::MustNot })
    }

    /// Whether each event was found once or not at all, as it is due.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn audit_with(&self, due: impl Fn(u64) -> Due) -> Result<(), String> {
        let (mut lost, mut uncalled) = (0, 0);
        for number in 0..self.bits.len() as u64 * 64 {
            match (due(number), self.has(number)) {
                (Due::Must, false) => lost += 1,
                (Due::MustNot, true) => uncalled += 1,
                _ => {}
            }
        }
        let doubled = self.doubled.load(Ordering::Relaxed);
        let changed = self.changed.load(Ordering::Relaxed);
        let wrong = Wrong { lost, doubled, changed, uncalled };
        if wrong == (Wrong { lost: 0, doubled: 0, changed: 0, uncalled: 0 }) {
            return Ok(());
        }
        Err(wrong.to_string())
    }
}

/// Whether an event must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It was acknowledged and not settled.
    Must,
    /// No answer came: both are right.
    May,
    /// It was never published, or its settlement was acknowledged.
    MustNot,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(numbers: impl IntoIterator<Item = u64>) -> Seen {
        let seen = Seen::new(128);
        for number in numbers {
            assert_eq!(seen.see(&payload::make(number)), Some(number));
        }
        seen
    }

    #[test]
    fn one_lost_doubled_changed_or_uncalled_event_is_told() {
        assert_eq!(seen(0..9).audit(9), Ok(()));
        assert!(seen(0..8).audit(9).unwrap_err().contains("1 lost"));
        assert!(seen((0..9).chain([4])).audit(9).unwrap_err().contains("1 doubled"));
        assert!(seen(0..9).audit(8).unwrap_err().contains("1 that must not be there"));
        let changed = seen(0..9);
        changed.see(b"nobody's");
        assert!(changed.audit(9).unwrap_err().contains("1 changed"));
        let beyond = seen(0..9);
        beyond.see(&payload::make(128));
        assert!(beyond.audit(9).unwrap_err().contains("1 changed"));
    }

    #[test]
    fn an_event_that_may_be_there_is_right_either_way() {
        let due = |number| match number {
            0..5 => Due::Must,
            5 => Due::May,
            _ => Due::MustNot,
        };
        assert_eq!(seen(0..5).audit_with(due), Ok(()));
        assert_eq!(seen(0..6).audit_with(due), Ok(()));
        assert!(seen(0..7).audit_with(due).is_err());
    }
}
