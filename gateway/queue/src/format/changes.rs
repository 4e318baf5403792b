//! The body of a changes entry: what happened to events of one queue.
//!
//! ```text
//! queue   number
//! at      nanoseconds since 1970, by the wall clock
//! count, each: a byte that says which, the event's id (its position less the one before, zigzag;
//! its part), and
//!   1 acked
//!   2 attempted     number of the attempt
//!   3 failed        until (nanoseconds since 1970), why text
//!   4 dead-lettered number of the dead-letter queue, item, letter
//!   5 redriven      number of the queue, item
//!   6 lost
//!   7 returned
//!   8 dropped       why: 1 expired, 2 overflow, 3 purged
//! ```
//!
//! A move gives its event a new id in the other queue: this entry's position, and as part the
//! number of the change; it holds the whole item, so that the other queue is rebuilt without
//! this one. The letter of a dead-lettering has that place too. The payload stays where it was
//! committed.

use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::Letter;
use sluicegate_core::queue::{Change, DropCause, Item, Lease, Place, QueueNumber};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::{entry, item, letter};

/// The most changes in one entry: their numbers are parts of places.
pub(crate) const CHANGES_MAX: usize = u16::MAX as usize;

/// Encodes changes of a queue as an entry that lacks only its place.
pub(crate) fn encode(
    queue: QueueNumber,
    name: &QueueName,
    at: Timestamp,
    changes: &[Change],
) -> Vec<u8> {
    let mut out = Draft::start(queue, at, changes.len());
    for change in changes {
        match change {
            Change::Acked(item) => out.put(ACKED, item.id),
            Change::Failed { item, until, why } => {
                out.put(FAILED, item.id);
                out.bytes.put_number(until.unix_ns());
                out.bytes.put_text(why);
            }
            Change::DeadLettered { item, to, letter } => {
                out.put_move(DEAD_LETTERED, item, *to);
                let origin = letter.origin.clone().or_else(|| Some(name.clone()));
                letter::put(&mut out.bytes, &Letter { origin, ..letter.clone() });
            }
            Change::Redriven { item, to } => out.put_move(REDRIVEN, item, *to),
            Change::Lost(item) => out.put(LOST, item.id),
            Change::Returned(item) => out.put(RETURNED, item.id),
            Change::Dropped { item, why } => {
                out.put(DROPPED, item.id);
                out.bytes.put_u8(drop_code(*why));
            }
        }
    }
    out.finish()
}

/// Encodes that these leases are handed out.
pub(crate) fn encode_attempts(queue: QueueNumber, at: Timestamp, leases: &[Lease]) -> Vec<u8> {
    let mut out = Draft::start(queue, at, leases.len());
    for lease in leases {
        out.put(ATTEMPTED, lease.item.id);
        out.bytes.put_number(u64::from(lease.item.attempts));
    }
    out.finish()
}

/// What happened to one event, as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happened {
    Acked,
    Attempted(u32),
    Failed(Timestamp, String),
    DeadLettered(Item, QueueNumber, Letter),
    Redriven(Item, QueueNumber),
    Lost,
    Returned,
    Dropped(DropCause),
}

/// A changes entry as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changes {
    pub(crate) queue: QueueNumber,
    pub(crate) at: Timestamp,
    /// What happened to which event, by its id.
    pub(crate) all: Vec<(Place, Happened)>,
}

/// Reads changes back.
pub(crate) fn decode(body: &[u8]) -> Option<Changes> {
    let mut from = Take(body);
    let queue = QueueNumber(from.u16()?);
    let at = Timestamp::from_unix_ns(from.number()?);
    let count = from.size()?;
    let mut all = Vec::with_capacity(count.min(from.0.len()));
    let mut position = 0_u64;
    for _ in 0..count {
        let kind = from.u8()?;
        position = position.wrapping_add(from.zigzag()? as u64);
        let id = Place { position, part: from.u16()? };
        let happened = match kind {
            ACKED => Happened::Acked,
            ATTEMPTED => Happened::Attempted(from.u32()?),
            FAILED => {
                let until = Timestamp::from_unix_ns(from.number()?);
                Happened::Failed(until, from.text()?.to_owned())
            }
            DEAD_LETTERED => {
                let (item, to) = take_move(&mut from, id)?;
                Happened::DeadLettered(item, to, letter::take(&mut from)?)
            }
            REDRIVEN => {
                let (item, to) = take_move(&mut from, id)?;
                Happened::Redriven(item, to)
            }
            LOST => Happened::Lost,
            RETURNED => Happened::Returned,
            DROPPED => {
                let code = from.u8()?;
                Happened::Dropped(DropCause::ALL.into_iter().find(|why| drop_code(*why) == code)?)
            }
            _ => return None,
        };
        all.push((id, happened));
    }
    from.0.is_empty().then_some(Changes { queue, at, all })
}

/// An entry that is being written.
struct Draft {
    bytes: Vec<u8>,
    position: u64,
}

impl Draft {
    fn start(queue: QueueNumber, at: Timestamp, count: usize) -> Self {
        let mut bytes = entry::start(count * 8 + 32);
        bytes.put_number(u64::from(queue.0));
        bytes.put_number(at.unix_ns());
        bytes.put_number(count as u64);
        Self { bytes, position: 0 }
    }

    fn put(&mut self, kind: u8, id: Place) {
        self.bytes.put_u8(kind);
        self.bytes.put_zigzag(id.position.wrapping_sub(self.position) as i64);
        self.bytes.put_number(u64::from(id.part));
        self.position = id.position;
    }

    fn put_move(&mut self, kind: u8, item: &Item, to: QueueNumber) {
        self.put(kind, item.id);
        self.bytes.put_number(u64::from(to.0));
        item::put(&mut self.bytes, item);
    }

    fn finish(mut self) -> Vec<u8> {
        entry::finish(&mut self.bytes, entry::Kind::Changes);
        self.bytes
    }
}

fn take_move(from: &mut Take<'_>, id: Place) -> Option<(Item, QueueNumber)> {
    let to = QueueNumber(from.u16()?);
    Some((item::take(from, id)?, to))
}

fn drop_code(why: DropCause) -> u8 {
    match why {
        DropCause::Expired => 1,
        DropCause::Overflow => 2,
        DropCause::Purged => 3,
    }
}

const ACKED: u8 = 1;
const ATTEMPTED: u8 = 2;
const FAILED: u8 = 3;
const DEAD_LETTERED: u8 = 4;
const REDRIVEN: u8 = 5;
const LOST: u8 = 6;
const RETURNED: u8 = 7;
const DROPPED: u8 = 8;
