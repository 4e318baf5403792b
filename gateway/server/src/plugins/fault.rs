//! Why a version was not put in place, or the versions stay as they are.

use std::io;

use sluicegate_core::ids::Digest;
use sluicegate_filters::{LoadFault, SlotFault};

/// Why the versions of a plugin stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum VersionFault {
    /// The configuration has no plugin of this name.
    #[error("the configuration has no plugin of this name")]
    NoPlugin,
    /// The file is not the one that was meant.
    #[error("the file's digest is {digest}, and not the one that was said")]
    Digest {
        /// The digest of the bytes that came.
        digest: Digest,
    },
    /// It cannot be loaded.
    #[error("{0}")]
    Load(#[from] LoadFault),
    /// The slot does not take it.
    #[error("{0}")]
    Slot(#[from] SlotFault),
    /// It could not be written down, so that a restart would forget it.
    #[error("failed to write it down: {0}")]
    File(#[from] io::Error),
}

impl VersionFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPlugin => "plugin_not_found",
            Self::Digest { .. } => "plugin_digest",
            Self::Load(fault) => fault.code(),
            Self::Slot(fault) => fault.code(),
            Self::File(_) => "plugin_not_kept",
        }
    }
}
