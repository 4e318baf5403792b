//! State in the log and in checkpoints: what a key of a plugin is from then on.
//!
//! ```text
//! write  plugin text, route text, key text, 0 deleted | 1 value | 2 value and the time when it
//!        expires (nanoseconds since 1970); a value is bytes
//! ```
//!
//! A write says what is, and never what was added to what: doing it twice is doing it once.

use bytes::Bytes;
use sluicegate_core::state::{Scope, Value, Write};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};

/// A write before it is known whether anybody wants it: slices only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredWrite<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) route: &'a str,
    pub(crate) key: &'a str,
    /// The value; `None`: deleted.
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) expires_at: Option<Timestamp>,
}

pub(crate) fn put(out: &mut Vec<u8>, scope: &Scope, key: &str, write: &Write) {
    out.put_text(scope.plugin.as_str());
    out.put_text(scope.route.as_str());
    out.put_text(key);
    match write {
        Write::Delete => out.put_u8(DELETED),
        Write::Set(Value { bytes, expires_at }) => {
            out.put_u8(if expires_at.is_some() { EXPIRES } else { STAYS });
            out.put_bytes(bytes);
            if let Some(end) = expires_at {
                out.put_number(end.unix_ns());
            }
        }
    }
}

impl<'a> StoredWrite<'a> {
    pub(crate) fn take(from: &mut Take<'a>) -> Option<Self> {
        let (plugin, route, key) = (from.text()?, from.text()?, from.text()?);
        let kind = from.u8()?;
        let value = match kind {
            DELETED => None,
            STAYS | EXPIRES => Some(from.bytes()?),
            _ => return None,
        };
        let expires_at = match kind {
            EXPIRES => Some(Timestamp::from_unix_ns(from.number()?)),
            _ => None,
        };
        Some(Self { plugin, route, key, value, expires_at })
    }

    /// Whose it is, and what is from then on; `None` if a name in it is none.
    pub(crate) fn read(&self) -> Option<(Scope, Write)> {
        let scope = Scope { plugin: self.plugin.parse().ok()?, route: self.route.parse().ok()? };
        let write = match self.value {
            None => Write::Delete,
            Some(bytes) => {
                let bytes = Bytes::copy_from_slice(bytes);
                Write::Set(Value { bytes, expires_at: self.expires_at })
            }
        };
        Some((scope, write))
    }
}

const DELETED: u8 = 0;
const STAYS: u8 = 1;
const EXPIRES: u8 = 2;
