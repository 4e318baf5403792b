//! What a folder is, all in all.

use serde_json::{Value, json};

use super::finding::{Finding, Severity};

/// What was found in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Everything that is not as it should be, in the order in which it was met.
    pub findings: Vec<Finding>,
    /// What lies in each queue; `None` if that cannot be known without a key.
    pub queues: Option<Vec<QueueCount>>,
    /// Segments that were read.
    pub segments: u64,
    /// Entries that are whole.
    pub entries: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// Entries that are sealed, and that no key was there to open.
    pub locked: u64,
}

/// What lies in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCount {
    /// Its name.
    pub name: String,
    /// Events that can be read back.
    pub readable: u64,
    /// Events that cannot.
    pub unreadable: u64,
}

/// The whole in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Everything is as it was written.
    Sound,
    /// Something is damaged, and no event is lost.
    Damaged,
    /// Events are lost.
    Lost,
}

impl Health {
    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
        }
    }
}

impl Report {
    /// The whole in one word: that of the worst finding.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Note) => Health::Sound,
            Some(Severity::Damaged) => Health::Damaged,
            Some(Severity::Lost) => Health::Lost,
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let queue = |queue: &QueueCount| {
            json!({
                "name": queue.name, "readable": queue.readable, "unreadable": queue.unreadable,
            })
        };
        json!({
            "health": self.health().word(),
            "segments": self.segments,
            "entries": self.entries,
            "bytes": self.bytes,
            "locked": self.locked,
            "queues": self.queues.as_ref().map(|all| all.iter().map(queue).collect::<Vec<_>>()),
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}

/// How far a reading of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read.
    pub bytes_done: u64,
    /// Bytes that there are.
    pub bytes_total: u64,
}
