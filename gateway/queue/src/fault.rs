//! Why a store could not be opened.

use std::io;

/// Why a store could not be opened. Nothing was changed in the folder, except where it says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// Another process has the folder open.
    #[error("data folder is in use by another process")]
    InUse,
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
            Self::Version { .. } => "data_folder_version",
            Self::Config { .. } => "store_config_wrong",
            Self::NoRuntime => "store_no_runtime",
            Self::Disk { .. } => "data_folder_disk",
        }
    }

    /// Turns an error of the disk into a fault.
    pub(crate) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, source }
    }
}
