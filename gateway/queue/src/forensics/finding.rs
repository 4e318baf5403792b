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
    pub fn code(self) -> &'static str {
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
        self.row().0
    }

    /// What it means, for a person to read.
    #[must_use]
    pub fn means(self) -> &'static str {
        self.row().1
    }

    /// What repair does about it.
    #[must_use]
    pub fn repair(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        let nothing = "nothing";
        match self {
            Self::Entry => (
                "entry_damaged",
                "an entry of the log is not what was written: it is passed over and never delivered",
                "copies its bytes into quarantine; they stay in the log",
            ),
            Self::Padding => (
                "padding_dirty",
                "bytes between entries, which nobody reads, are not the zeros that were written: \
                 the disk has changed them",
                nothing,
            ),
            Self::TornTail => (
                "tail_torn",
                "the log ends with an entry that was never finished: nobody was told that it is \
                 durable",
                "copies it into quarantine and cuts it off",
            ),
            Self::UnusedSegment => (
                "segment_unused",
                "a segment was made ahead and holds only zeros: the next start removes it",
                "removes it",
            ),
            Self::MissingSegment => (
                "segment_missing",
                "a segment is not there, and events that lie in queues came in it",
                "nothing: the queues write these events off when they come up",
            ),
            Self::MissingIndex => (
                "index_missing",
                "an index is not there: the next start reads the whole segment instead",
                "makes it again from its segment",
            ),
            Self::Index => (
                "index_damaged",
                "an index is not what was written: it is made again when it is needed",
                "makes it again from its segment",
            ),
            Self::WrongIndex => (
                "index_differs",
                "an index does not list what its segment holds: events may not be handed out",
                "makes it again from its segment",
            ),
            Self::StrayIndex => ("index_stray", "an index has no segment", "removes it"),
            Self::Checkpoint => (
                "checkpoint_damaged",
                "a checkpoint cannot be read: start-up reads the one before, or the whole log",
                "moves it into quarantine",
            ),
            Self::Names => (
                "names_damaged",
                "the file with the names of the queues cannot be read: the log has them too",
                "makes it again from the log",
            ),
            Self::SettingsCopy => (
                "settings_copy_damaged",
                "one of two copies of the settings is damaged or missing",
                "makes it again from the other",
            ),
            Self::Settings => (
                "settings_damaged",
                "what operators set while the gateway ran cannot be read: at the next start every \
                 queue is put under a hold, and queues that were made keep their events only",
                "nothing: the next start sets it aside and holds every queue",
            ),
            Self::FormatCopy => (
                "format_copy_damaged",
                "one of two copies of the format file is damaged or missing",
                "makes it again from the other",
            ),
            Self::Format => (
                "format_damaged",
                "no copy of the format file can be read: the folder is refused",
                "makes it again with a new key; events are kept, but repeated deliveries of events \
                 of before are stored again",
            ),
            Self::KeyringCopy => (
                "keyring_copy_damaged",
                "one of two copies of the keyring is damaged or missing",
                "makes it again from the other",
            ),
            Self::Keyring => (
                "keyring_damaged",
                "no copy of the keyring can be read: what is sealed cannot be opened",
                "nothing: put a copy of the keyring back from a backup",
            ),
            Self::Keys => (
                "keys_damaged",
                "idempotency keys of a deleted segment cannot be read: repeated deliveries of its \
                 events are stored again",
                "moves the file into quarantine",
            ),
            Self::Ballast => (
                "ballast_damaged",
                "the reserve for a full disk is not made of zeros",
                "removes it; the next start makes it again",
            ),
            Self::Draft => ("draft_left", "a draft was left by a power cut", "removes it"),
            Self::Stranger => ("file_unknown", "a file is not one of a data folder", nothing),
            Self::ShortCopy => (
                "quarantine_copy_short",
                "a copy in the quarantine is not as long as what it is a copy of",
                "copies again",
            ),
            Self::Locked => (
                "entries_locked",
                "entries are sealed and no key was given: their frames and checksums were checked, \
                 not what is in them",
                nothing,
            ),
            Self::UnreadableEvents => (
                "events_unreadable",
                "events lie in a queue whose bytes are damaged or gone: they are written off when \
                 they come up",
                nothing,
            ),
            Self::UnreadableLetters => (
                "letters_unreadable",
                "dead letters have lost why they are dead; the events are readable",
                nothing,
            ),
            Self::MissingEvents => (
                "events_missing",
                "a queue counts events that no index lists: they are written off when they come up",
                nothing,
            ),
        }
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
            "severity": self.severity.code(),
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
