//! What was found in a folder: each kind of finding with its code, what it means, and what repair
//! does about it.

use std::ops::Range;

use serde_json::{Value, json};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing. Nothing is damaged.
    Note,
    /// Something is damaged, and no event is lost by it.
    Damaged,
    /// Events are lost.
    Lost,
}

impl Severity {
    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
        }
    }
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// An entry of the log is not what was written.
    Entry,
    /// Bytes that fill up an entry are not zeros.
    Padding,
    /// The disk cannot read a part of a segment.
    Sector,
    /// The log ends with an entry that was never finished.
    TornTail,
    /// A segment was made ahead and never used.
    UnusedSegment,
    /// A segment is gone that events of queues lie in.
    MissingSegment,
    /// An index that start-up would use is not there.
    MissingIndex,
    /// An index is not what was written, or is of another version.
    Index,
    /// An index does not list what its segment holds.
    WrongIndex,
    /// An index has no segment.
    StrayIndex,
    /// A checkpoint is not what was written.
    Checkpoint,
    /// The names of the queues cannot be read from their file.
    Names,
    /// One copy of the settings cannot be read.
    SettingsCopy,
    /// No copy of the settings can be read.
    Settings,
    /// One copy of the format file cannot be read.
    FormatCopy,
    /// No copy of the format file can be read.
    Format,
    /// One copy of the keyring cannot be read.
    KeyringCopy,
    /// No copy of the keyring can be read.
    Keyring,
    /// The idempotency keys of a deleted segment cannot be read.
    Keys,
    /// The ballast is not made of zeros.
    Ballast,
    /// A draft was left by a process that did not get to the end of it.
    Draft,
    /// A file is not one of a data folder.
    Stranger,
    /// A copy in the quarantine is shorter than what it is a copy of.
    ShortCopy,
    /// Entries are sealed, and there is no key to open them.
    Locked,
    /// Events that lie in a queue cannot be read back.
    UnreadableEvents,
    /// Letters of events that lie in a dead-letter queue cannot be read back.
    UnreadableLetters,
    /// A queue counts events that no index lists.
    MissingEvents,
}

impl What {
    /// A stable word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Entry => "entry_damaged",
            Self::Padding => "padding_dirty",
            Self::Sector => "sector_unreadable",
            Self::TornTail => "tail_torn",
            Self::UnusedSegment => "segment_unused",
            Self::MissingSegment => "segment_missing",
            Self::MissingIndex => "index_missing",
            Self::Index => "index_damaged",
            Self::WrongIndex => "index_differs",
            Self::StrayIndex => "index_stray",
            Self::Checkpoint => "checkpoint_damaged",
            Self::Names => "names_damaged",
            Self::SettingsCopy => "settings_copy_damaged",
            Self::Settings => "settings_damaged",
            Self::FormatCopy => "format_copy_damaged",
            Self::Format => "format_damaged",
            Self::KeyringCopy => "keyring_copy_damaged",
            Self::Keyring => "keyring_damaged",
            Self::Keys => "keys_damaged",
            Self::Ballast => "ballast_damaged",
            Self::Draft => "draft_left",
            Self::Stranger => "file_unknown",
            Self::ShortCopy => "quarantine_copy_short",
            Self::Locked => "entries_locked",
            Self::UnreadableEvents => "events_unreadable",
            Self::UnreadableLetters => "letters_unreadable",
            Self::MissingEvents => "events_missing",
        }
    }

    /// What it means, for a person to read.
    #[must_use]
    pub fn means(self) -> &'static str {
        self.meaning().means
    }

    /// What repair does about it.
    #[must_use]
    pub fn repair(self) -> &'static str {
        self.meaning().repair
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub what: What,
    /// How bad.
    pub severity: Severity,
    /// The file, relative to the data folder; the name of a queue where a queue is meant.
    pub file: String,
    /// Which bytes of it, where that is known.
    pub bytes: Option<Range<u64>>,
    /// More about this one.
    pub detail: String,
    /// What is lost by it, as far as that can be known; empty if nothing is.
    pub lost: String,
}

impl Finding {
    pub(super) fn new(what: What, severity: Severity, file: impl Into<String>) -> Self {
        let (file, detail, lost) = (file.into(), String::new(), String::new());
        Self { what, severity, file, bytes: None, detail, lost }
    }

    pub(super) fn at(self, bytes: Range<u64>) -> Self {
        Self { bytes: Some(bytes), ..self }
    }

    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(super) fn lost(self, lost: impl Into<String>) -> Self {
        Self { lost: lost.into(), ..self }
    }

    /// This finding as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "code": self.what.code(),
            "severity": self.severity.word(),
            "file": self.file,
            "offset": self.bytes.as_ref().map(|bytes| bytes.start),
            "bytes": self.bytes.as_ref().map(|bytes| bytes.end - bytes.start),
            "means": self.what.means(),
            "detail": self.detail,
            "repair": self.what.repair(),
            "lost": self.lost,
        })
    }
}
