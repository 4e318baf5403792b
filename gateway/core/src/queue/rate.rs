//! The delivery rate of a queue: a bucket of tokens, one for each event that is handed out.

use std::time::Duration;

use crate::time::Timestamp;

/// A bucket of tokens, filled by the steady clock.
#[derive(Debug)]
pub(super) struct Rate {
    /// Tokens in a second, and at most so many at once; `None`: there is no bound.
    per_second: Option<u32>,
    /// Tokens, in thousand millionths.
    credit: u128,
    /// When it was last filled.
    at: Timestamp,
}

impl Rate {
    /// A full bucket.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        let full = u128::from(per_second.unwrap_or(0)) * TOKEN;
        Self { per_second, credit: full, at: Timestamp::default() }
    }

    /// Another rate from now on, with what is in the bucket.
    pub(super) fn change(&mut self, per_second: Option<u32>, now: Timestamp) {
        if per_second == self.per_second {
            return;
        }
        self.fill(now);
        let kept = if self.per_second.is_some() { self.credit } else { u128::MAX };
        *self = Self::new(per_second);
        self.credit = self.credit.min(kept);
        self.at = now;
    }

    pub(super) fn fill(&mut self, now: Timestamp) {
        let rate = u128::from(self.per_second.unwrap_or(0));
        let gained = now.since(self.at).as_nanos() * rate;
        self.credit = (self.credit + gained).min(rate * TOKEN);
        self.at = self.at.max(now);
    }

    /// How many events may be handed out now.
    pub(super) fn tokens(&self) -> usize {
        match self.per_second {
            None => usize::MAX,
            Some(_) => usize::try_from(self.credit / TOKEN).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn spend(&mut self) {
        self.credit = self.credit.saturating_sub(TOKEN);
    }

    /// How long until there is a token; `None` if there is one, or never will be.
    pub(super) fn next(&self, now: Timestamp) -> Option<Duration> {
        let rate = u128::from(self.per_second.filter(|rate| *rate > 0)?);
        let credit = self.credit + now.since(self.at).as_nanos() * rate;
        let lacking = TOKEN.checked_sub(credit).filter(|lacking| *lacking > 0)?;
        let wait = u64::try_from(lacking.div_ceil(rate)).unwrap_or(u64::MAX);
        Some(Duration::from_nanos(wait))
    }
}

const TOKEN: u128 = 1_000_000_000;
