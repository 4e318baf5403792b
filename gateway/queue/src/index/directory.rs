//! The directory of an index: what is in which block.
//!
//! ```text
//! sections  count, each:
//!   queue number, priority (a byte), count, bytes, first and last id (places), oldest
//!   (nanoseconds since 1970)
//!   refs     count, each: segment, count, bytes
//!   sources  count, each: source tag, count, bytes
//!   blocks   offset of the first, count, each: length, count, CRC32C (4 bytes), position of the
//!            first id less that of the block before (the first: less the section's first), part
//! newest    nanoseconds since 1970
//! placed    count, each: queue, count, bytes
//! keys      offset, length
//! ```
//!
//! The blocks of a section lie one behind the other.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Place, Priority, QueueNumber, SourceTag};
use sluicegate_core::time::Timestamp;

use super::block::{Block, Lies};
use super::summary::{Notes, Section, Summary};
use super::tally::Tally;
use crate::dedupe::KeyHash;
use crate::disk::DiskFile;
use crate::format::bytes::{Put, Take};
use crate::format::keys;

/// An index to which nothing is added any more.
pub(super) struct Directory {
    pub(super) segment: u32,
    pub(super) summary: Arc<Summary>,
    /// The blocks of each section of the summary.
    pub(super) blocks: Vec<Vec<Block>>,
    pub(super) keys: KeyList,
    /// What blocks and keys that are not in memory are read from.
    pub(super) file: Option<Arc<dyn DiskFile>>,
}

/// The idempotency keys of a segment, or where they are.
pub(super) enum KeyList {
    /// In memory.
    Here(Arc<[(KeyHash, EventId)]>),
    /// In the file, as `format::keys` has them.
    At { offset: u64, len: u64 },
}

impl Directory {
    /// The blocks of a queue with this priority.
    pub(super) fn blocks(&self, queue: QueueNumber, priority: Priority) -> &[Block] {
        let found = self.summary.find(queue, priority);
        found.and_then(|(at, _)| self.blocks.get(at)).map_or(&[], Vec::as_slice)
    }

    /// The keys.
    ///
    /// # Errors
    /// Of kind `InvalidData` if they are damaged, else those of the disk.
    pub(super) fn keys(&self) -> io::Result<Vec<(KeyHash, EventId)>> {
        match (&self.keys, &self.file) {
            (KeyList::Here(keys), _) => Ok(keys.to_vec()),
            (KeyList::At { offset, len }, Some(file)) => {
                let bytes = read(&**file, *offset, *len)?;
                keys::decode(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
            }
            (KeyList::At { .. }, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Reads a directory of an index whose blocks and keys end at `end`.
    pub(super) fn take(
        bytes: &[u8],
        segment: u32,
        end: u64,
        file: Arc<dyn DiskFile>,
    ) -> Option<Self> {
        let mut from = Take(bytes);
        let count = from.size()?;
        // Each takes more than a byte: a wrong count asks for no more memory than there is.
        let mut sections = Vec::with_capacity(count.min(from.0.len()));
        let mut blocks = Vec::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            let section = take_section(&mut from)?;
            blocks.push(take_blocks(&mut from, &section, end)?);
            sections.push(section);
        }
        let key = |section: &Section| (section.queue, section.priority);
        let ascending = sections.is_sorted_by(|one, other| key(one) < key(other));
        let newest = Timestamp::from_unix_ns(from.number()?);
        let placed = Tally::take(&mut from, |from| Some(QueueNumber(from.u16()?)))?;
        let (offset, len) = (from.number()?, from.number()?);
        let inside = offset.checked_add(len)? <= end;
        let summary = Arc::new(Summary { sections, notes: Notes { newest, placed } });
        let (keys, file) = (KeyList::At { offset, len }, Some(file));
        let sound = ascending && inside && from.0.is_empty();
        sound.then_some(Self { segment, summary, blocks, keys, file })
    }
}

/// All of a part of a file.
///
/// # Errors
/// Of kind `InvalidData` if the file ends before, else those of the disk.
pub(super) fn read(file: &dyn DiskFile, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    if file.read_at(&mut bytes, offset)? < bytes.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

/// Writes a directory. `blocks_at` has the offset of each section's first block.
pub(super) fn put(
    out: &mut Vec<u8>,
    directory: &Directory,
    blocks_at: &[u64],
    (keys_at, keys_len): (u64, u64),
) {
    let Summary { sections, notes } = &*directory.summary;
    out.put_number(sections.len() as u64);
    for ((section, blocks), at) in sections.iter().zip(&directory.blocks).zip(blocks_at) {
        put_section(out, section);
        out.put_number(*at);
        out.put_number(blocks.len() as u64);
        let mut before = section.first.position;
        for block in blocks {
            out.put_number(u64::from(block.len));
            out.put_number(u64::from(block.count));
            out.put_raw(&block.crc.to_le_bytes());
            out.put_number(block.first.position.wrapping_sub(before));
            out.put_number(u64::from(block.first.part));
            before = block.first.position;
        }
    }
    out.put_number(notes.newest.unix_ns());
    notes.placed.put(out, |queue| u64::from(queue.0));
    out.put_number(keys_at);
    out.put_number(keys_len);
}

fn put_section(out: &mut Vec<u8>, section: &Section) {
    out.put_number(u64::from(section.queue.0));
    out.put_u8(section.priority.level());
    out.put_number(section.count);
    out.put_number(section.bytes);
    out.put_place(section.first);
    out.put_place(section.last);
    out.put_number(section.oldest.unix_ns());
    section.refs.put(out, u64::from);
    section.sources.put(out, |source| u64::from(source.0));
}

fn take_section(from: &mut Take<'_>) -> Option<Section> {
    Some(Section {
        queue: QueueNumber(from.u16()?),
        priority: Priority::new(from.u8()?),
        count: from.number()?,
        bytes: from.number()?,
        first: from.place()?,
        last: from.place()?,
        oldest: Timestamp::from_unix_ns(from.number()?),
        refs: Tally::take(from, |from| from.u32())?,
        sources: Tally::take(from, |from| Some(SourceTag(from.u32()?)))?,
    })
}

fn take_blocks(from: &mut Take<'_>, section: &Section, end: u64) -> Option<Vec<Block>> {
    let mut offset = from.number()?;
    let count = from.size()?;
    let mut blocks: Vec<Block> = Vec::with_capacity(count.min(from.0.len()));
    let (mut before, mut slots) = (section.first.position, 0_u64);
    for _ in 0..count {
        let (len, count) = (from.u32()?, from.u32()?);
        let crc = u32::from_le_bytes(from.array()?);
        let position = before.wrapping_add(from.number()?);
        let first = Place { position, part: from.u16()? };
        blocks.push(Block { first, count, len, crc, lies: Lies::At(offset) });
        offset = offset.checked_add(u64::from(len))?;
        slots += u64::from(count);
        before = position;
    }
    let ascending = blocks.is_sorted_by(|one, other| one.first < other.first);
    (ascending && slots == section.count && offset <= end).then_some(blocks)
}
