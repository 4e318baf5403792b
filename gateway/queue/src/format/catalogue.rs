//! The catalogue: the names of the queues, in the order of their numbers. The first entry of every
//! segment, and, once more, the file `queues`: an entry at position 0 of segment 0, which is none.
//!
//! ```text
//! count, each: name text
//! ```

use sluicegate_core::ids::QueueName;

use super::bytes::{Put, Take};
use super::entry::{self, Kind, Position};

/// The file of names.
pub(crate) const FILE: &str = "queues";
const FILE_POSITION: Position = Position { segment: 0, offset: 0 };

/// The file of names.
pub(crate) fn encode_file(names: &[QueueName]) -> Vec<u8> {
    let mut frame = encode(names);
    entry::seal(&mut frame, FILE_POSITION);
    frame
}

pub(crate) fn decode_file(bytes: &[u8]) -> Option<Vec<QueueName>> {
    let head = entry::head(bytes, FILE_POSITION).filter(|head| head.kind == Kind::Catalogue)?;
    decode(head.body(bytes)?)
}

/// Whether every bit of the file of names is as it was written, by this version or the one before.
pub(crate) fn is_file_sound(bytes: &[u8]) -> bool {
    let Some(head) = entry::head(bytes, FILE_POSITION) else { return false };
    let padding = entry::padding_of(head.body_len);
    let filled = bytes.iter().rev().take(padding).all(|byte| *byte == 0);
    decode_file(bytes).is_some() && bytes.len() == head.entry_len() && filled
}

pub(crate) fn encode(names: &[QueueName]) -> Vec<u8> {
    let mut out = entry::start(names.len() * 16);
    out.put_number(names.len() as u64);
    for name in names {
        out.put_text(name.as_str());
    }
    entry::finish(&mut out, Kind::Catalogue);
    out
}

pub(crate) fn decode(body: &[u8]) -> Option<Vec<QueueName>> {
    let mut from = Take(body);
    let count = from.size()?;
    let mut names = Vec::with_capacity(count.min(from.0.len()));
    for _ in 0..count {
        names.push(from.text()?.parse().ok()?);
    }
    from.0.is_empty().then_some(names)
}
