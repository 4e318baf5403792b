//! The catalogue: the names of the queues, in the order of their numbers. First entry of every
//! segment, and written again when a queue is added.
//!
//! ```text
//! count, each: name text
//! ```

use sluicegate_core::ids::QueueName;

use super::bytes::{Put, Take};
use super::entry;

pub(crate) fn encode(names: &[QueueName]) -> Vec<u8> {
    let mut out = entry::start(names.len() * 16);
    out.put_number(names.len() as u64);
    for name in names {
        out.put_text(name.as_str());
    }
    entry::finish(&mut out, entry::Kind::Catalogue);
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
