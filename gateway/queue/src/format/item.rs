//! What is known of an event that lies in a queue, beside its id.
//!
//! ```text
//! item   event place, letter place option, origin (0, or the queue's number and 1), source tag,
//!        received_at (nanoseconds since 1970), weight, attempts, terms
//! terms  a byte of flags, and in this order what they say is there:
//!        1 priority (a byte), 2 ordering key (8 bytes), 4 deliver_at, 8 expires_at (nanoseconds)
//! ```

use std::num::NonZeroU64;

use sluicegate_core::queue::{Item, OrderKey, Place, Priority, QueueNumber, SourceTag, Terms};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};

/// Writes an item without its id.
pub(crate) fn put(out: &mut Vec<u8>, item: &Item) {
    out.put_place(item.event);
    out.put_u8(u8::from(item.letter.is_some()));
    if let Some(letter) = item.letter {
        out.put_place(letter);
    }
    out.put_number(item.origin.map_or(0, |origin| u64::from(origin.0) + 1));
    out.put_number(u64::from(item.source.0));
    out.put_number(item.received_at.unix_ns());
    out.put_number(u64::from(item.weight));
    out.put_number(u64::from(item.attempts));
    put_terms(out, &item.terms);
}

/// Reads the item with this id.
pub(crate) fn take(from: &mut Take<'_>, id: Place) -> Option<Item> {
    Some(Item {
        id,
        event: from.place()?,
        letter: if from.flag()? { Some(from.place()?) } else { None },
        origin: match from.number()? {
            0 => None,
            number => Some(QueueNumber(u16::try_from(number - 1).ok()?)),
        },
        source: SourceTag(from.u32()?),
        received_at: Timestamp::from_unix_ns(from.number()?),
        weight: from.u32()?,
        attempts: from.u32()?,
        terms: take_terms(from)?,
    })
}

pub(crate) fn put_terms(out: &mut Vec<u8>, terms: &Terms) {
    let Terms { priority, order_key, deliver_at, expires_at } = *terms;
    let urgent = priority.level() > 0;
    let flags = u8::from(urgent)
        | u8::from(order_key.is_some()) << 1
        | u8::from(deliver_at.is_some()) << 2
        | u8::from(expires_at.is_some()) << 3;
    out.put_u8(flags);
    if urgent {
        out.put_u8(priority.level());
    }
    if let Some(key) = order_key {
        out.put_raw(&key.0.get().to_le_bytes());
    }
    for time in [deliver_at, expires_at].into_iter().flatten() {
        out.put_number(time.unix_ns());
    }
}

pub(crate) fn take_terms(from: &mut Take<'_>) -> Option<Terms> {
    let flags = from.u8()?;
    let has = |flag: u8| flags & flag != 0;
    let mut terms = Terms::default();
    if has(1) {
        terms.priority = Priority::new(from.u8()?);
    }
    if has(2) {
        let key = NonZeroU64::new(u64::from_le_bytes(from.array()?))?;
        terms.order_key = Some(OrderKey(key));
    }
    if has(4) {
        terms.deliver_at = Some(Timestamp::from_unix_ns(from.number()?));
    }
    if has(8) {
        terms.expires_at = Some(Timestamp::from_unix_ns(from.number()?));
    }
    (flags < 16).then_some(terms)
}
