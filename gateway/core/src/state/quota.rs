//! Arithmetic of quotas.

use std::ops::{Add, AddAssign, Sub};

use super::words::{Grant, Usage, Value};

impl Usage {
    /// What a key takes with this value; nothing if it is not there.
    pub(super) fn of(key: &str, value: Option<&Value>) -> Self {
        let Some(value) = value else { return Self::default() };
        // Both are far under 2^62: a key and a value have bounds.
        Self { keys: 1, bytes: (key.len() + value.bytes.len()) as i64 }
    }

    /// Whether a scope that holds this may grow by so much. What does not grow is always allowed:
    /// a grant may have become smaller.
    pub(super) fn may_grow(self, more: Self, grant: Grant) -> bool {
        let fits = |now: i64, more: i64, max: u64| {
            more <= 0 || now.saturating_add(more) <= i64::try_from(max).unwrap_or(i64::MAX)
        };
        fits(self.keys, more.keys, grant.keys_max) && fits(self.bytes, more.bytes, grant.bytes_max)
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, more: Self) -> Self {
        Self { keys: self.keys + more.keys, bytes: self.bytes + more.bytes }
    }
}

impl Sub for Usage {
    type Output = Self;
    fn sub(self, less: Self) -> Self {
        Self { keys: self.keys - less.keys, bytes: self.bytes - less.bytes }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        *self = *self + more;
    }
}
