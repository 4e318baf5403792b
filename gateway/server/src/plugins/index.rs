//! The index of the versions on the disk: `plugins/index.json`. Format 1, JSON:
//!
//! ```text
//! { "version": 1, "plugins": { NAME: { "configured", "current", "previous", "shadow",
//!   "quarantined": [...], "paused" } } }
//! ```
//!
//! Versions are digests in hex; `configured` is that of the file that the configuration named when
//! this was written; `paused` is the failure for which the plugin was paused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_core::ids::Digest;

/// What is known of every plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    version: u32,
    pub(super) plugins: BTreeMap<String, Record>,
}

/// What is known of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) configured: Hex,
    pub(super) current: Hex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shadow: Option<Hex>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) quarantined: Vec<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paused: Option<String>,
}

/// A digest, written in hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex(pub(super) Digest);

impl Default for Index {
    fn default() -> Self {
        Self { version: VERSION, plugins: BTreeMap::new() }
    }
}

impl Index {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let index: Self = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
        if index.version == VERSION { Ok(index) } else { Err(format!("version {}", index.version)) }
    }

    /// The digests of all versions whose bytes are needed again.
    pub(super) fn needed(&self) -> BTreeSet<String> {
        let of = |record: &Record| {
            let all = [Some(record.current), record.previous, record.shadow];
            all.into_iter().flatten().map(|hex| hex.0.to_string()).collect::<Vec<_>>()
        };
        self.plugins.values().flat_map(of).collect()
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The version of the format.
const VERSION: u32 = 1;
