//! The body of a changes entry: what happened to events of one queue.
//!
//! ```text
//! queue   number
//! count, each: a byte that says which, a place (the event's), and
//!   1 acked
//!   2 attempted     number of the attempt
//!   3 delayed       until, nanoseconds since 1970
//!   4 dead-lettered number of the dead-letter queue, letter
//!   5 redriven      number of the queue
//!   6 lost
//! ```
//!
//! The letter of a dead-lettering has a place of its own: this entry's position, and as part the
//! number of the change. Moves hold a reference: the payload stays where it was committed.

use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::Letter;
use sluicegate_core::queue::{Change, Lease, Place, QueueNumber};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::{entry, letter};

/// The most changes in one entry: their numbers are parts of places.
pub(crate) const CHANGES_MAX: usize = u16::MAX as usize;

/// Encodes changes of a queue as an entry that lacks only its place.
pub(crate) fn encode(queue: QueueNumber, name: &QueueName, changes: &[Change]) -> Vec<u8> {
    let mut out = start(queue, changes.len());
    for change in changes {
        match change {
            Change::Acked(item) => put(&mut out, 1, item.place),
            Change::Delayed { place, until } => {
                put(&mut out, 3, *place);
                out.put_number(until.unix_ns());
            }
            Change::DeadLettered { item, to, letter } => {
                put(&mut out, 4, item.place);
                out.put_number(u64::from(to.0));
                let origin = Some(name.clone());
                letter::put(&mut out, &Letter { origin, ..letter.clone() });
            }
            Change::Redriven { item, to } => {
                put(&mut out, 5, item.place);
                out.put_number(u64::from(to.0));
            }
            Change::Lost(item) => put(&mut out, 6, item.place),
        }
    }
    entry::finish(&mut out, entry::Kind::Changes);
    out
}

/// Encodes that these leases are handed out.
pub(crate) fn encode_attempts(queue: QueueNumber, leases: &[Lease]) -> Vec<u8> {
    let mut out = start(queue, leases.len());
    for lease in leases {
        put(&mut out, 2, lease.item.place);
        out.put_number(u64::from(lease.item.attempts));
    }
    entry::finish(&mut out, entry::Kind::Changes);
    out
}

/// What happened to one event, as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happened {
    Acked,
    Attempted(u32),
    Delayed(Timestamp),
    DeadLettered(QueueNumber, Letter),
    Redriven(QueueNumber),
    Lost,
}

/// Reads changes back: the queue, and what happened to which event.
pub(crate) fn decode(body: &[u8]) -> Option<(QueueNumber, Vec<(Place, Happened)>)> {
    let mut from = Take(body);
    let queue = QueueNumber(from.u16()?);
    let count = from.size()?;
    let mut all = Vec::with_capacity(count.min(from.0.len()));
    for _ in 0..count {
        let kind = from.u8()?;
        let place = from.place()?;
        let happened = match kind {
            1 => Happened::Acked,
            2 => Happened::Attempted(from.u32()?),
            3 => Happened::Delayed(Timestamp::from_unix_ns(from.number()?)),
            4 => Happened::DeadLettered(QueueNumber(from.u16()?), letter::take(&mut from)?),
            5 => Happened::Redriven(QueueNumber(from.u16()?)),
            6 => Happened::Lost,
            _ => return None,
        };
        all.push((place, happened));
    }
    from.0.is_empty().then_some((queue, all))
}

fn start(queue: QueueNumber, count: usize) -> Vec<u8> {
    let mut out = entry::start(count * 16 + 16);
    out.put_number(u64::from(queue.0));
    out.put_number(count as u64);
    out
}

fn put(out: &mut Vec<u8>, kind: u8, place: Place) {
    out.put_u8(kind);
    out.put_place(place);
}
