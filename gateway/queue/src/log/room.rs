//! What room in the log is for, and what it means when there is none.

use std::io;

/// What an entry is for: a full disk refuses one before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It brings events. It never takes the room that settlements need.
    Commit,
    /// It says what happened to events that are here: what drains a full disk.
    Settlement,
}

/// Why an entry was not appended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogFault {
    /// There is no room for this entry; nothing of it was written. Others go on, and it may fit
    /// later.
    #[error("the disk is full")]
    Full,
    /// A write or a flush failed, or a segment could not be made for another reason than room:
    /// the log must not be used any more.
    #[error(transparent)]
    Disk(io::Error),
}

impl From<io::Error> for LogFault {
    fn from(fault: io::Error) -> Self {
        Self::Disk(fault)
    }
}

/// Whether this says that the disk, or our share of it, is full.
pub(crate) fn says_full(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
