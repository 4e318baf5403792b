//! A slot: one arrival, written as its difference to the slot before it in the same block.
//!
//! ```text
//! flags        1  says what is here:
//!                 1 the event lies elsewhere   2 the letter has the place of the id
//!                 4 the letter lies elsewhere  8 an origin  16 another source than before
//!                 32 an ordering key  64 a time of expiry  128 a part that is not 0
//! position     number: that of the id less the one before, its lowest three bits made highest:
//!              entries lie at multiples of eight
//! part         number                                                     if 128
//! event        position less that of the event before (zigzag), part      if 1
//! letter       position less that of the id (zigzag), part                if 4
//! origin       number of the queue                                        if 8
//! source       4 bytes                                                    if 16
//! received_at  nanoseconds, less the one before, zigzag
//! weight       less the one before, zigzag
//! ordering key 8 bytes                                                    if 32
//! expires_at   nanoseconds less received_at, zigzag                       if 64
//! ```
//!
//! The priority is that of the section; the attempts are 0. Before the first slot of a block
//! everything is 0, and the position is the start of the segment. A 1 KB event of an ordinary
//! queue takes 8 to 12 bytes.

use std::num::NonZeroU64;

use sluicegate_core::queue::{Item, OrderKey, Place, Priority, QueueNumber, SourceTag, Terms};
use sluicegate_core::time::Timestamp;

use crate::format::bytes::{Put, Take};

/// What the next slot is written against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    position: u64,
    event: u64,
    received_at: u64,
    weight: u32,
    source: SourceTag,
}

impl Before {
    /// Before the first slot of a block.
    pub(super) fn first(segment: u32) -> Self {
        let position = u64::from(segment) << 32;
        let source = SourceTag::default();
        Self { position, event: position, received_at: 0, weight: 0, source }
    }

    fn advance(&mut self, item: &Item) {
        *self = Self {
            position: item.id.position,
            event: item.event.position,
            received_at: item.received_at.unix_ns(),
            weight: item.weight,
            source: item.source,
        };
    }
}

/// Writes a slot. The item has no `deliver_at`; its attempts are not written.
pub(super) fn put(out: &mut Vec<u8>, before: &mut Before, item: &Item) {
    let flags = flags_of(item, before);
    let (id, received_at) = (item.id, item.received_at.unix_ns());
    out.put_u8(flags);
    out.put_number(id.position.wrapping_sub(before.position).rotate_right(ALIGN_BITS));
    if flags & PART != 0 {
        out.put_number(u64::from(id.part));
    }
    if flags & EVENT != 0 {
        put_place(out, item.event, before.event);
    }
    if let Some(letter) = item.letter.filter(|_| flags & LETTER != 0) {
        put_place(out, letter, id.position);
    }
    if let Some(origin) = item.origin {
        out.put_number(u64::from(origin.0));
    }
    if flags & SOURCE != 0 {
        out.put_raw(&item.source.0.to_le_bytes());
    }
    out.put_zigzag(received_at.wrapping_sub(before.received_at) as i64);
    out.put_zigzag(i64::from(item.weight) - i64::from(before.weight));
    if let Some(key) = item.terms.order_key {
        out.put_raw(&key.0.get().to_le_bytes());
    }
    if let Some(expires_at) = item.terms.expires_at {
        out.put_zigzag(expires_at.unix_ns().wrapping_sub(received_at) as i64);
    }
    before.advance(item);
}

/// Reads a slot of a section with this priority.
pub(super) fn take(from: &mut Take<'_>, before: &mut Before, priority: Priority) -> Option<Item> {
    let flags = from.u8()?;
    let has = |flag: u8| flags & flag != 0;
    let position = before.position.wrapping_add(from.number()?.rotate_left(ALIGN_BITS));
    let id = Place { position, part: if has(PART) { from.u16()? } else { 0 } };
    let event = if has(EVENT) { take_place(from, before.event)? } else { id };
    let letter = match (has(LETTER_HERE), has(LETTER)) {
        (false, false) => None,
        (true, false) => Some(id),
        (false, true) => Some(take_place(from, position)?),
        (true, true) => return None,
    };
    let origin = if has(ORIGIN) { Some(QueueNumber(from.u16()?)) } else { None };
    let source = match has(SOURCE) {
        true => SourceTag(u32::from_le_bytes(from.array()?)),
        false => before.source,
    };
    let received_at = before.received_at.wrapping_add(from.zigzag()? as u64);
    let weight = i64::from(before.weight).checked_add(from.zigzag()?)?;
    let mut terms = Terms { priority, ..Terms::default() };
    if has(ORDER_KEY) {
        let key = NonZeroU64::new(u64::from_le_bytes(from.array()?))?;
        terms.order_key = Some(OrderKey(key));
    }
    if has(EXPIRY) {
        let expires_at = received_at.wrapping_add(from.zigzag()? as u64);
        terms.expires_at = Some(Timestamp::from_unix_ns(expires_at));
    }
    let received_at = Timestamp::from_unix_ns(received_at);
    let weight = u32::try_from(weight).ok()?;
    let item = Item { id, event, letter, origin, source, received_at, weight, attempts: 0, terms };
    before.advance(&item);
    Some(item)
}

fn flags_of(item: &Item, before: &Before) -> u8 {
    let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
    let letter = match item.letter {
        None => 0,
        Some(letter) if letter == item.id => LETTER_HERE,
        Some(_) => LETTER,
    };
    flag(item.event != item.id, EVENT)
        | letter
        | flag(item.origin.is_some(), ORIGIN)
        | flag(item.source != before.source, SOURCE)
        | flag(item.terms.order_key.is_some(), ORDER_KEY)
        | flag(item.terms.expires_at.is_some(), EXPIRY)
        | flag(item.id.part != 0, PART)
}

fn put_place(out: &mut Vec<u8>, place: Place, before: u64) {
    out.put_zigzag(place.position.wrapping_sub(before) as i64);
    out.put_number(u64::from(place.part));
}

fn take_place(from: &mut Take<'_>, before: u64) -> Option<Place> {
    let position = before.wrapping_add(from.zigzag()? as u64);
    Some(Place { position, part: from.u16()? })
}

const EVENT: u8 = 1;
const LETTER_HERE: u8 = 2;
const LETTER: u8 = 4;
const ORIGIN: u8 = 8;
const SOURCE: u8 = 16;
const ORDER_KEY: u8 = 32;
const EXPIRY: u8 = 64;
const PART: u8 = 128;

/// Entries lie at multiples of 2 to this power.
const ALIGN_BITS: u32 = crate::format::entry::ALIGN.trailing_zeros();
