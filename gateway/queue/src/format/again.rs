//! The body of an again entry: events of the past placed in queues once more, by reference, as a
//! replay does.
//!
//! ```text
//! count, each: number of the queue, item (its attempts are 0, its letter is none)
//! ```
//!
//! The id of each in its queue is this entry's position and its number in the entry.

use sluicegate_core::queue::{Item, Place, QueueNumber};

use super::bytes::{Put, Take};
use super::{entry, item};

/// Encodes events placed again as an entry that lacks only its place. The ids of the items are
/// not written: the entry's place gives them new ones.
pub(crate) fn encode(items: &[(QueueNumber, Item)]) -> Vec<u8> {
    let mut out = entry::start(items.len() * 32 + 16);
    out.put_number(items.len() as u64);
    for (queue, item) in items {
        out.put_number(u64::from(queue.0));
        item::put(&mut out, item);
    }
    entry::finish(&mut out, entry::Kind::Again);
    out
}

/// Reads them back; `position` is the entry's.
pub(crate) fn decode(body: &[u8], position: u64) -> Option<Vec<(QueueNumber, Item)>> {
    let mut from = Take(body);
    let count = from.size()?;
    let mut all = Vec::with_capacity(count.min(from.0.len()));
    for number in 0..count {
        let id = Place { position, part: u16::try_from(number).ok()? };
        let queue = QueueNumber(from.u16()?);
        all.push((queue, item::take(&mut from, id)?));
    }
    from.0.is_empty().then_some(all)
}
