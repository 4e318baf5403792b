//! What operators ask of queues beside receiving and settling. (Contract: the bodies are written
//! by the room's builder; this file may be cut into several.)

use std::fmt;
use std::str::FromStr;

use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::{Failure, Letter};
use sluicegate_core::queue::{Delivery, Place, Priority, QueueFault, Standing};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;

use super::Store;
use crate::config::{Hold, QueueConfig};

/// A place in a queue, or in the log: where a page ended. Opaque to people; it stays good across
/// restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub(crate) Place);

/// A queue as an operator sees it, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Its configuration; for a queue that nobody configures, that of one that keeps its events.
    pub config: QueueConfig,
    /// Where it comes from.
    pub origin: QueueOrigin,
}

/// Where a queue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOrigin {
    /// The configuration that the store was opened with.
    Configured,
    /// It was made while the store ran, and is kept in the data folder.
    Made,
    /// It was found in the folder, and nobody configures it.
    Found,
}

/// Whether a queue was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defined {
    /// It was not.
    Created,
    /// It was, and is treated in another way from now on.
    Changed,
}

/// An event that lies in a queue, looked at and not leased.
#[derive(Debug, Clone)]
pub struct Browsed {
    /// Where it lies: the next page begins after it.
    pub cursor: Cursor,
    /// Where it stands.
    pub standing: Standing,
    /// Attempts made in this queue.
    pub attempts: u32,
    /// Its priority here.
    pub priority: Priority,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// The event; `None` if its bytes in the log are damaged.
    pub event: Option<Event>,
    /// Why it is here, if this is a dead-letter queue.
    pub letter: Option<Letter>,
    /// Its last failed attempts here, oldest first.
    pub failures: Vec<Failure>,
    /// What was proven of it at the door; `None` if its bytes in the log are damaged.
    pub verdict: Option<Verdict>,
}

/// A part of the log, read from one place on.
#[derive(Debug, Clone)]
pub struct Past {
    /// Events as they were placed in queues, whatever became of them there: in the order of the
    /// log, each once however many queues it went to.
    pub events: Vec<PastEvent>,
    /// Where the next part begins; `None` at the end of the log.
    pub next: Option<Cursor>,
    /// Bytes of the log before `next`, and of the whole log: for progress.
    pub bytes_done: u64,
    /// See `bytes_done`.
    pub bytes_total: u64,
}

/// An event of the past.
#[derive(Debug, Clone)]
pub struct PastEvent {
    /// Where it lies.
    pub cursor: Cursor,
    /// The event.
    pub event: Event,
    /// What was proven at the door.
    pub verdict: Verdict,
    /// The queues that it was placed in.
    pub queues: Vec<QueueName>,
    /// Whether this is the event as it was received, and not one that a filter made of it.
    pub received: bool,
    /// Why it went to a dead-letter queue at once, if it did.
    pub letter: Option<Letter>,
}

#[expect(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "contract")]
impl Store {
    /// All queues, by name.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueInfo> {
        unimplemented!()
    }

    /// Makes a queue, or treats one in another way from now on. Durable when this returns: after
    /// a restart it is there, unless the configuration says otherwise of a queue of this name.
    ///
    /// # Errors
    /// When its dead-letter queue is not there, or the store does not take work.
    pub async fn define(&self, config: QueueConfig) -> Result<Defined, QueueFault> {
        unimplemented!()
    }

    /// Removes a queue that is empty and that no other queue gives its events up to.
    ///
    /// # Errors
    /// When it is not there, not empty, or in use.
    pub async fn remove(&self, queue: &QueueName) -> Result<(), QueueFault> {
        unimplemented!()
    }

    /// Pauses or resumes a queue; durable, and stronger than the configuration until it is undone.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn set_delivery(&self, queue: &QueueName, to: Delivery) -> Result<(), QueueFault> {
        unimplemented!()
    }

    /// Puts a queue under a legal hold, or lifts it; durable.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn set_hold(&self, queue: &QueueName, to: Hold) -> Result<(), QueueFault> {
        unimplemented!()
    }

    /// At most `max` events of a queue after a place, in the order in which they came.
    ///
    /// # Errors
    /// When it is not there, or the log cannot be read.
    pub async fn browse(
        &self,
        queue: &QueueName,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<Vec<Browsed>, QueueFault> {
        unimplemented!()
    }

    /// Moves these dead letters back to where they came from. Those that are leased, gone, or
    /// never were in a queue stay. Returns how many moved, once that is durable.
    ///
    /// # Errors
    /// When the queue is not there, or the store does not take work.
    pub async fn redrive_these(
        &self,
        queue: &QueueName,
        letters: &[Cursor],
    ) -> Result<u64, QueueFault> {
        unimplemented!()
    }

    /// Drops everything in a queue that is not leased. Returns how many events that were, once it
    /// is durable.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn purge(&self, queue: &QueueName) -> Result<u64, QueueFault> {
        unimplemented!()
    }

    /// Where the log must be read from to find every event that was received at this time or
    /// later; `None`: the log has none.
    #[must_use]
    pub fn seek(&self, time: Timestamp) -> Option<Cursor> {
        unimplemented!()
    }

    /// Reads the log from a place on: at most about `bytes_max` bytes of it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn past(&self, from: Cursor, bytes_max: usize) -> Result<Past, QueueFault> {
        unimplemented!()
    }

    /// Places events of the past in queues once more, by reference. Durable when this returns.
    ///
    /// # Errors
    /// When a queue is not there, an event is no longer in the log, or the store does not take
    /// work; then none was placed.
    pub async fn place_again(&self, events: &[(Cursor, QueueName)]) -> Result<(), QueueFault> {
        unimplemented!()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.0.position, self.0.part)
    }
}

/// Why a text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is sixteen hexadecimal digits, a hyphen and a number")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (position, part) = text.split_once('-').ok_or(CursorError)?;
        let digits = position.len() == 16 && position.bytes().all(|byte| byte.is_ascii_hexdigit());
        let position = u64::from_str_radix(position, 16).map_err(|_| CursorError)?;
        let part = part.parse().map_err(|_| CursorError)?;
        if digits { Ok(Self(Place { position, part })) } else { Err(CursorError) }
    }
}
