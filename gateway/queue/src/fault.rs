//! Why a store could not be opened.

use std::io;

use crate::seal::NoKey;

/// Why a store could not be opened. Nothing was changed in the folder, except where it says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// Another process has the folder open.
    #[error("data folder is in use by another process")]
    InUse,
    /// There is no data folder, and none is to be made.
    #[error("no data folder is there")]
    Missing,
    /// The folder was written by another version.
    #[error("data folder has format version {found}, this program reads version {known}")]
    Version {
        /// The version of the folder.
        found: String,
        /// The version that this program reads.
        known: u32,
    },
    /// The configuration cannot be served.
    #[error("store configuration is wrong: {what}")]
    Config {
        /// What is wrong.
        what: String,
    },
    /// It was not called inside a tokio runtime.
    #[error("a store is opened inside a tokio runtime")]
    NoRuntime,
    /// The folder is encrypted, and no key is configured.
    #[error("data folder is sealed by key {key:?}, and no encryption is configured")]
    Sealed {
        /// The name of the key that wrapped its data keys.
        key: String,
    },
    /// The configured keys do not open the folder.
    #[error("data folder is sealed by key {key:?}, and {why}")]
    KeyWrong {
        /// The name of the key that wrapped its data keys.
        key: String,
        /// Whether no key of this name is configured, or another one.
        why: &'static str,
    },
    /// Whoever holds the key does not answer, or says no.
    #[error("key {key:?} cannot be asked: {why}")]
    KeyUnavailable {
        /// The name of the key.
        key: String,
        /// What was said.
        why: String,
    },
    /// The log has entries that are sealed with a data key that is not in the keyring.
    #[error("log is sealed with data key {id}, which is not in the keyring of the data folder")]
    KeyMissing {
        /// The number of the data key.
        id: u16,
    },
    /// Neither copy of the keyring can be read.
    #[error("keyring of the data folder and its copy are damaged")]
    KeyringDamaged,
    /// The disk failed.
    #[error("failed to {doing}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl OpenFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse => "data_folder_in_use",
            Self::Missing => "data_folder_missing",
            Self::Version { .. } => "data_folder_version",
            Self::Config { .. } => "store_config_wrong",
            Self::NoRuntime => "store_no_runtime",
            Self::Sealed { .. } => "data_folder_sealed",
            Self::KeyWrong { .. } => "data_folder_key_wrong",
            Self::KeyUnavailable { .. } => "data_folder_key_unavailable",
            Self::KeyMissing { .. } => "data_folder_key_missing",
            Self::KeyringDamaged => "data_folder_keyring_damaged",
            Self::Disk { .. } => "data_folder_disk",
        }
    }

    /// Turns an error of the disk into a fault.
    pub(crate) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(NoKey(id)) => Self::KeyMissing { id: id.0.get() },
            None => Self::Disk { doing, source },
        }
    }
}
