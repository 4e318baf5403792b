//! A job: what was asked, where it stands, and what came of it so far. It is one JSON file:
//!
//! ```text
//! { "version": 1, "id": "...", "task": {...}, "state": "running", "counts": {...},
//!   "at": CURSOR, "end": CURSOR, "done": n, "total": n, "base": n,
//!   "made_ms": n, "ended_ms": n, "note": {...} }
//! ```
//!
//! `at` is where the next page begins; `end` is where the log ended when the job was made: what the
//! job adds itself lies behind it. `done` and `total` are events of a queue or bytes of the log.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::Cursor;

use super::task::Task;

/// The id of a job: sixteen hexadecimal digits that grow with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// Why a text is not the id of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a job is sixteen hexadecimal digits")]
pub struct JobIdError;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on, now or after a restart.
    Running,
    /// It saw everything that it was to see.
    Done,
    /// An operator stopped it; it can be resumed.
    Cancelled,
    /// It cannot go on; once what stops it is mended, it can be resumed.
    Failed,
}

/// What came of the events so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Events looked at.
    pub read: u64,
    /// Of these, events that were meant.
    pub matched: u64,
    /// Of these, events that were moved or placed; of a dry run, that would be.
    pub moved: u64,
    /// Of these, events that cannot go this way, and stay as they are: letters that never reached
    /// a queue (of a redrive), what a filter made (of a replay through the line), and what a
    /// consumer holds.
    pub left: u64,
    /// Of these, events that were refused, damaged, or gone when their turn came.
    pub failed: u64,
}

/// Why a job waits or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub detail: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The version of this shape.
    pub(super) version: u32,
    /// Its id.
    #[serde(with = "text")]
    pub id: JobId,
    /// What it does.
    pub task: Task,
    /// Where it stands.
    pub state: State,
    /// What came of it so far.
    pub counts: Counts,
    #[serde(with = "cursor")]
    pub(super) at: Option<Cursor>,
    #[serde(with = "cursor")]
    pub(super) end: Option<Cursor>,
    pub(super) done: u64,
    pub(super) total: u64,
    /// Bytes of the log before the part that is replayed.
    pub(super) base: Option<u64>,
    /// When it was made, by the machine's clock: milliseconds since the Unix epoch.
    pub made_ms: u64,
    /// When it was done, cancelled or failed.
    pub ended_ms: Option<u64>,
    /// What the last refused event was refused for, or why it waits or cannot go on.
    pub note: Option<Note>,
}

impl Job {
    /// A job that begins now.
    pub(super) fn new(arrival: Arrival, task: Task, at: Option<Cursor>, end: Cursor) -> Self {
        Self {
            version: VERSION,
            id: JobId::new(arrival),
            task,
            state: State::Running,
            counts: Counts::default(),
            at,
            end: Some(end),
            done: 0,
            total: 0,
            base: None,
            made_ms: arrival.at.unix_ms(),
            ended_ms: None,
            note: None,
        }
    }

    /// How much of it is seen: 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share is shown to a person")]
    pub fn progress(&self) -> f64 {
        match (self.state, self.total) {
            (State::Done, _) => 1.0,
            (_, 0) => 0.0,
            _ => (self.done as f64 / self.total as f64).clamp(0.0, 1.0),
        }
    }

    /// It is in this state from now on.
    pub(super) fn end_as(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.ended_ms = (state != State::Running).then(|| now.unix_ms());
    }
}

impl State {
    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl Note {
    pub(super) fn new(code: &str, detail: &impl fmt::Display) -> Self {
        Self { code: code.to_owned(), detail: detail.to_string() }
    }
}

impl JobId {
    /// Milliseconds of its making in the upper 44 bits, random ones below.
    fn new(arrival: Arrival) -> Self {
        let random = arrival.id.to_bytes().into_iter().rev().take(3);
        let random = random.fold(0, |bits, byte| bits << 8 | u64::from(byte));
        Self(arrival.at.unix_ms() << 20 | random & 0xf_ffff)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for JobId {
    type Err = JobIdError;
    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u64::from_str_radix(text, 16).map_err(|_| JobIdError)?;
        if digits { Ok(Self(id)) } else { Err(JobIdError) }
    }
}

/// An id as its text.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(id: &JobId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<JobId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A cursor as its text.
mod cursor {
    use super::*;

    pub(super) fn serialize<S: Serializer>(at: &Option<Cursor>, to: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<Cursor>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// The version of the shape of a job's file.
pub(super) const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::ids::EventId;

    #[test]
    fn ids_grow_with_time_and_round_trip() {
        let at = |ms: u64, random: u64| {
            let at = Timestamp::from_unix_ms(ms);
            JobId::new(Arrival { id: EventId::new(at, random), at, steady: at })
        };
        assert!(at(1_800_000_000_001, 0) > at(1_800_000_000_000, u64::MAX));
        let id = at(1_800_000_000_000, 77);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id, at(1_800_000_000_000, 78));
        for bad in ["", "+123456789012345", "xyz", "00000000000000001"] {
            assert_eq!(bad.parse::<JobId>(), Err(JobIdError), "{bad}");
        }
    }
}
