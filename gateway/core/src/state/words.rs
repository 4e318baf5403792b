//! The words of state: whose it is, what is in it, and how a filter is told no.

use bytes::Bytes;

use crate::ids::{PluginName, RouteName};
use crate::limits::{STATE_BYTES_DEFAULT, STATE_KEYS_DEFAULT, STATE_VALUE_BYTES_DEFAULT};
use crate::time::Timestamp;

/// Whose state it is: a plugin has one on each route, and sees no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The plugin, as the configuration names it: a new version of it finds what the old one left.
    pub plugin: PluginName,
    /// The route on which it is asked.
    pub route: RouteName,
}

/// How much a plugin may remember on each route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// At most so many keys.
    pub keys_max: u64,
    /// At most so many bytes of keys and values.
    pub bytes_max: u64,
    /// At most so many bytes of one value.
    pub value_bytes_max: usize,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            keys_max: STATE_KEYS_DEFAULT,
            bytes_max: STATE_BYTES_DEFAULT,
            value_bytes_max: STATE_VALUE_BYTES_DEFAULT,
        }
    }
}

/// How much a scope holds, or would hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Keys.
    pub keys: i64,
    /// Bytes of keys and values.
    pub bytes: i64,
}

/// The value of a key. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: Bytes,
    /// From then on the key is not there; `None`: it stays.
    pub expires_at: Option<Timestamp>,
}

impl Value {
    /// Whether it is still there at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Which write a value is from. It is known only as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

impl Version {
    /// That of a key that is not there, however it came to that.
    pub const ABSENT: Self = Self(0);
}

/// A key as it is seen: with what is on its way to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its value, if it is there.
    pub value: Option<Value>,
    /// Which write that is from.
    pub version: Version,
}

impl Seen {
    /// A key that is not there.
    pub const ABSENT: Self = Self { value: None, version: Version::ABSENT };
}

/// Why a filter may not do what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It would have more keys or bytes than it was granted, or touch too many keys for one event.
    QuotaExceeded,
    /// The key or the value is too large, or the key is empty.
    TooLarge,
    /// It cannot be done, and why.
    Unavailable(&'static str),
}

/// What was read is no longer so: the filters must be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("state that was read has changed meanwhile")]
pub struct Conflict;
