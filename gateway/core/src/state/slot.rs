//! One key of the table: its value, and the writes that are on their way to the disk.

use super::words::{Seen, Usage, Value, Version};
use crate::time::Timestamp;

/// A key.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// What is committed.
    pub(super) base: Option<(Value, Version)>,
    /// Writes on their way, in the order in which they were laid down; `None`: deleted.
    pub(super) pending: Vec<(Version, Option<Value>)>,
}

impl Slot {
    /// What a filter sees now.
    pub(super) fn newest(&self, now: Timestamp) -> Seen {
        match self.pending.last() {
            Some((version, value)) => seen(value.as_ref(), *version, now),
            None => self.committed(now),
        }
    }

    /// What is committed, as of now.
    pub(super) fn committed(&self, now: Timestamp) -> Seen {
        match &self.base {
            Some((value, version)) => seen(Some(value), *version, now),
            None => Seen::ABSENT,
        }
    }

    /// What the key takes of the quota once all is done that is on its way. What is expired and
    /// still in memory counts.
    pub(super) fn newest_usage(&self, key: &str) -> Usage {
        match self.pending.last() {
            Some((_, value)) => Usage::of(key, value.as_ref()),
            None => self.base_usage(key),
        }
    }

    /// What the committed value takes.
    pub(super) fn base_usage(&self, key: &str) -> Usage {
        Usage::of(key, self.base.as_ref().map(|(value, _)| value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.base.is_none() && self.pending.is_empty()
    }
}

/// However a key came to be absent, it is the same: a reader of a deletion that is on its way, and
/// of one that was done, saw the same thing.
fn seen(value: Option<&Value>, version: Version, now: Timestamp) -> Seen {
    match value.filter(|value| value.is_live(now)) {
        Some(value) => Seen { value: Some(value.clone()), version },
        None => Seen::ABSENT,
    }
}
