//! The properties of a message: whether they can be read, their texts and the nesting of their
//! tables; then lapin's own parser reads them.

use lapin::BasicProperties;
use lapin::protocol::basic::parse_properties;
use sluicegate_core::limits::HEADER_DEPTH_MAX;

use super::reader::Reader;
use super::unreadable::Unreadable;

/// Class `basic`, and the weight after it.
const BASIC: u32 = 60 << 16;

/// Bits of the property flags of class `basic` (AMQP 0-9-1 section 4.2.6.1), first property first.
const CONTENT_TYPE: u16 = 1 << 15;
const CONTENT_ENCODING: u16 = 1 << 14;
pub(super) const HEADERS: u16 = 1 << 13;
const DELIVERY_MODE: u16 = 1 << 12;
const PRIORITY: u16 = 1 << 11;
const TIMESTAMP: u16 = 1 << 6;

/// The texts before and after the time stamp: correlation id, reply to, expiration, message id;
/// type, user id, app id, cluster id.
const TEXTS_BEFORE_TIME: [u16; 4] = [1 << 10, 1 << 9, 1 << 8, 1 << 7];
const TEXTS_AFTER_TIME: [u16; 4] = [1 << 5, 1 << 4, 1 << 3, 1 << 2];

/// Reads the payload of a content header frame: the size of the body that follows it, and the
/// properties.
pub(super) fn read(payload: &[u8]) -> (u64, Result<BasicProperties, Unreadable>) {
    let mut reader = Reader::new(payload);
    let class = reader.u32(); // With its weight, which is 0.
    let Some(size) = reader.u64() else { return (0, Err(Unreadable::Broken)) };
    let flags_and_values = reader.rest();
    let properties = match class {
        Some(BASIC) => judge(&mut reader).and_then(|()| parse(flags_and_values)),
        _ => Err(Unreadable::Broken),
    };
    (size, properties)
}

/// By recursion, into tables that were judged.
fn parse(flags_and_values: &[u8]) -> Result<BasicProperties, Unreadable> {
    if flags_and_values == [0, 0] {
        return Ok(BasicProperties::default());
    }
    let parsed = parse_properties(flags_and_values);
    parsed.map(|(_, properties)| properties).map_err(|_| Unreadable::Broken)
}

fn judge(reader: &mut Reader<'_>) -> Result<(), Unreadable> {
    let flags = reader.u16().ok_or(Unreadable::Broken)?;
    // The lowest bit says that more flags follow: class `basic` has none.
    if flags & 1 != 0 {
        return Err(Unreadable::Broken);
    }
    for text in [CONTENT_TYPE, CONTENT_ENCODING] {
        text_if(flags & text != 0, reader)?;
    }
    if flags & HEADERS != 0 {
        table(reader.long().ok_or(Unreadable::Broken)?, 0)?;
    }
    for byte in [DELIVERY_MODE, PRIORITY] {
        if flags & byte != 0 {
            reader.u8().ok_or(Unreadable::Broken)?;
        }
    }
    for text in TEXTS_BEFORE_TIME {
        text_if(flags & text != 0, reader)?;
    }
    if flags & TIMESTAMP != 0 {
        reader.u64().ok_or(Unreadable::Broken)?;
    }
    for text in TEXTS_AFTER_TIME {
        text_if(flags & text != 0, reader)?;
    }
    if reader.is_empty() { Ok(()) } else { Err(Unreadable::Broken) }
}

fn text_if(is_there: bool, reader: &mut Reader<'_>) -> Result<(), Unreadable> {
    if is_there { text(reader.short().ok_or(Unreadable::Broken)?) } else { Ok(()) }
}

pub(super) fn text(bytes: &[u8]) -> Result<(), Unreadable> {
    std::str::from_utf8(bytes).map(|_| ()).map_err(|_| Unreadable::NotText)
}

/// Judges the content of a table: names and values.
pub(super) fn table(bytes: &[u8], depth: usize) -> Result<(), Unreadable> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        text(reader.short().ok_or(Unreadable::Broken)?)?;
        value(&mut reader, depth)?;
    }
    Ok(())
}

/// Judges one value with its type before it, as RabbitMQ writes types.
fn value(reader: &mut Reader<'_>, depth: usize) -> Result<(), Unreadable> {
    if depth >= HEADER_DEPTH_MAX {
        return Err(Unreadable::TooDeep);
    }
    let fixed = match reader.u8().ok_or(Unreadable::Broken)? {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'U' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'L' | b'l' | b'd' | b'T' => 8,
        b'S' | b'x' => return reader.long().map(|_| ()).ok_or(Unreadable::Broken),
        b'F' => return table(reader.long().ok_or(Unreadable::Broken)?, depth + 1),
        b'A' => {
            let mut items = Reader::new(reader.long().ok_or(Unreadable::Broken)?);
            while !items.is_empty() {
                value(&mut items, depth + 1)?;
            }
            return Ok(());
        }
        _ => return Err(Unreadable::Broken),
    };
    reader.take(fixed).map(|_| ()).ok_or(Unreadable::Broken)
}
