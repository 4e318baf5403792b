//! Reading the log from a place on: the events as they came, whatever became of them.
//!
//! It never shows what a filter took out of the log, and never what is damaged: that is passed
//! over, as everywhere.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use bytes::Bytes;
use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::Letter;
use sluicegate_core::queue::{Place, QueueFault, QueueNumber};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;

use super::{Cursor, Store};
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};
use crate::log::{Found, Reader, Walk, walk};

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

impl Store {
    /// Where the log must be read from to find every event that was received at this time or
    /// later; `None`: the log has none.
    #[must_use]
    pub fn seek(&self, time: Timestamp) -> Option<Cursor> {
        let has_later = |segment: &u32| {
            let summary = self.listings.indexes.summary(*segment);
            let notes = summary.as_ref().map(|summary| &summary.notes);
            notes.is_some_and(|notes| notes.newest >= time && notes.placed.iter().next().is_some())
        };
        let segment = self.segments.numbers().into_iter().find(has_later)?;
        Some(Cursor(start_of(segment)))
    }

    /// Reads the log from a place on: at most about `bytes_max` bytes of it, and never more than
    /// 16 MiB and an entry. What is on its way to the disk may be in it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn past(&self, from: Cursor, bytes_max: usize) -> Result<Past, QueueFault> {
        let reader = self.reader.clone();
        let read = move || read(&reader, from.0, bytes_max);
        let read = tokio::task::spawn_blocking(read).await;
        let part = read.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(|fault| {
            tracing::error!(error = %fault, "log cannot be read");
            QueueFault::StoreUnavailable { what: "the log cannot be read" }
        })?;
        let mut names = BTreeMap::new();
        for queue in part.events.iter().flat_map(|read| &read.queues) {
            if let Some(room) = self.registry.numbered(*queue) {
                names.entry(*queue).or_insert_with(|| room.name());
            }
        }
        let named = |read: ReadEvent| read.named(|queue| names.get(&queue).cloned());
        Ok(Past {
            events: part.events.into_iter().map(named).collect(),
            next: part.next.map(Cursor),
            bytes_done: part.bytes_done,
            bytes_total: part.bytes_total,
        })
    }
}

/// A part of the log, with queues by number.
pub(crate) struct Part {
    pub(crate) events: Vec<ReadEvent>,
    pub(crate) next: Option<Place>,
    bytes_done: u64,
    bytes_total: u64,
}

/// An event as a commit has it.
pub(crate) struct ReadEvent {
    place: Place,
    event: Event,
    verdict: Verdict,
    queues: Vec<QueueNumber>,
    received: bool,
    letter: Option<Letter>,
}

impl ReadEvent {
    /// The same with the names of its queues; one that has no name any more is left out.
    pub(crate) fn named(self, name: impl Fn(QueueNumber) -> Option<QueueName>) -> PastEvent {
        PastEvent {
            cursor: Cursor(self.place),
            event: self.event,
            verdict: self.verdict,
            queues: self.queues.into_iter().filter_map(name).collect(),
            received: self.received,
            letter: self.letter,
        }
    }
}

/// Reads a part of a log: at most about `bytes_max` bytes.
pub(crate) fn read(
    Reader(segments, unsealer): &Reader,
    from: Place,
    bytes_max: usize,
) -> io::Result<Part> {
    let sizes = segments.sizes();
    let newest = sizes.last_key_value().map_or(0, |(number, _)| *number);
    let bytes_total: u64 = sizes.values().sum();
    let mut left = bytes_max.clamp(1, BYTES_MAX) as u64;
    let (mut events, mut scratch, mut locked) = (Vec::new(), Vec::new(), None);
    for segment in sizes.range(from.segment()..).map(|(number, _)| *number) {
        let offset =
            if segment == from.segment() { Position::unpack(from.position).offset } else { 0 };
        // It may have been deleted since.
        let Some(file) = segments.find(segment)? else { continue };
        let of = Walk { segment, from: u64::from(offset), ends_with_zeros: segment == newest };
        let stopped = walk(&*file, of, |found| {
            left = left.saturating_sub(found.len());
            if let Found::Entry { position, head, body } = found
                && head.kind == Kind::Commit
            {
                match unsealer.open(&head, body, &mut scratch) {
                    Ok(body) => take_events(position, body.unwrap_or_default(), from, &mut events),
                    Err(fault) => locked = Some(fault),
                }
            }
            let goes_on = left > 0 && locked.is_none();
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Some(fault) = locked {
            return Err(fault);
        }
        if let Some(end) = stopped {
            // Offsets in a segment are under 4 GiB.
            let next = Position { segment, offset: end as u32 }.pack();
            let before: u64 = sizes.range(..segment).map(|(_, bytes)| bytes).sum();
            let next = Some(Place { position: next, part: 0 });
            // A segment that was thinned takes less of the disk than it is long.
            let here = end.min(sizes.get(&segment).copied().unwrap_or_default());
            let bytes_done = before + here;
            // There is more, or there may be.
            let bytes_total = bytes_total.max(bytes_done + 1);
            return Ok(Part { events, next, bytes_done, bytes_total });
        }
    }
    Ok(Part { events, next: None, bytes_done: bytes_total, bytes_total })
}

/// The events of a commit, from a place on. One that cannot be read back is passed over.
fn take_events(position: Position, body: &[u8], from: Place, events: &mut Vec<ReadEvent>) {
    let Some(commit) = Commit::decode(body) else { return };
    for (part, received, queues) in commit.distinct() {
        let place = Place { position: position.pack(), part };
        let event = commit.event(part, Bytes::copy_from_slice);
        if let (Some((event, letter)), Some(verdict)) = (event, commit.verdict())
            && place >= from
        {
            events.push(ReadEvent { place, event, verdict, queues, received, letter });
        }
    }
}

fn start_of(segment: u32) -> Place {
    Place { position: Position { segment, offset: 0 }.pack(), part: 0 }
}

/// Bytes of the log that are read in one call.
const BYTES_MAX: usize = 16 * 1024 * 1024;
