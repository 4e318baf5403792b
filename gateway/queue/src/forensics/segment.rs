//! One segment, read from end to end: what in it can be read, and what cannot.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use sluicegate_core::queue::Place;

use crate::disk::DiskFile;
use crate::format::commit::Commit;
use crate::format::entry::{self, HEADER_BYTES, Head, Kind, Position};
use crate::format::{again, catalogue, changes};
use crate::log::{Found, scan};
use crate::seal::Unsealer;

/// What a segment holds.
pub(super) struct Extent {
    /// The end of its last whole entry.
    pub(super) end: u64,
    /// What lies between its entries, in order.
    pub(super) gaps: Vec<Gap>,
    /// What lies after its last whole entry; empty if nothing does.
    pub(super) tail: Range<u64>,
    pub(super) entries: u64,
    /// Entries that no key was there to open.
    pub(super) locked: u64,
    /// Bytes that fill up entries, and are not zeros as they were written: nobody reads them.
    pub(super) dirty: Vec<u64>,
}

/// Bytes that are no entry that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) range: Range<u64>,
    pub(super) content: Content,
}

/// What is in a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Zeros, where nobody needed the entries any more.
    Zeros,
    /// Bytes that are no entry.
    Noise,
    /// An entry whose checksum is right, and whose body is not what was written.
    Body(Kind),
}

impl Extent {
    /// Whether the entry at this place can be read.
    pub(super) fn is_readable(&self, place: Place) -> bool {
        let offset = u64::from(Position::unpack(place.position).offset);
        offset < self.end && self.gap_at(offset).is_none()
    }

    /// The gap that an offset lies in.
    pub(super) fn gap_at(&self, offset: u64) -> Option<&Gap> {
        let at = self.gaps.partition_point(|gap| gap.range.end <= offset);
        self.gaps.get(at).filter(|gap| gap.range.contains(&offset))
    }
}

/// Reads a segment. `visit` sees every entry that can be read, opened; it says whether the body is
/// what this version writes.
pub(super) fn read(
    file: &dyn DiskFile,
    segment: u32,
    unsealer: &Unsealer,
    mut visit: impl FnMut(Position, Kind, &[u8]) -> bool,
) -> io::Result<Extent> {
    let mut extent =
        Extent { end: 0, gaps: Vec::new(), tail: 0..0, entries: 0, locked: 0, dirty: Vec::new() };
    let mut padding = Vec::new();
    let mut scratch = Vec::new();
    scan(file, segment, |found| match found {
        Found::Entry { position, head, body } => {
            let start = u64::from(position.offset);
            let range = start..start + head.entry_len() as u64;
            if start > extent.end && extent.gaps.last().is_none_or(|gap| gap.range.end != start) {
                let range = extent.end..start;
                extent.gaps.push(Gap { range, content: Content::Zeros });
            }
            extent.end = range.end;
            let filled = range.end - entry::padding_of(head.body_len) as u64..range.end;
            padding.push(filled);
            let sound = match unsealer.open(&head, body, &mut scratch) {
                Ok(Some(body)) => visit(position, head.kind, body),
                Ok(None) => false,
                // Only a key that is not there is a fault.
                Err(_) => {
                    extent.locked += 1;
                    true
                }
            };
            extent.entries += u64::from(sound);
            if !sound {
                extent.gaps.push(Gap { range, content: Content::Body(head.kind) });
            }
        }
        Found::Damage(range) => {
            extent.gaps.push(Gap { range: range.clone(), content: Content::Noise });
        }
        Found::Tail(range) => extent.tail = range,
    })?;
    extent.dirty = dirty(file, &padding)?;
    Ok(extent)
}

/// The bytes of these ranges that are not zeros, one of each range.
fn dirty(file: &dyn DiskFile, ranges: &[Range<u64>]) -> io::Result<Vec<u64>> {
    let (mut bytes, mut start, mut filled) = (vec![0; CHUNK_BYTES], 0_u64, 0_u64);
    let mut found = Vec::new();
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        if range.end > start + filled {
            start = range.start;
            filled = file.read_at(&mut bytes, start)? as u64;
        }
        for offset in range.clone() {
            let at = usize::try_from(offset - start).unwrap_or(CHUNK_BYTES);
            if bytes.get(at).is_some_and(|byte| *byte != 0) {
                found.push(offset);
                break;
            }
        }
    }
    Ok(found)
}

/// Whether a body is what this version writes, to its end.
pub(super) fn is_well_formed(position: Position, kind: Kind, body: &[u8]) -> bool {
    match kind {
        Kind::Commit => Commit::decode(body).is_some_and(|commit| {
            let events = commit.distinct();
            let whole =
                |(part, ..): &(u16, bool, _)| commit.event(*part, |_| Bytes::new()).is_some();
            let state = commit.state.iter().all(|write| write.read().is_some());
            commit.verdict().is_some() && events.iter().all(whole) && state
        }),
        Kind::Changes => changes::decode(body).is_some(),
        Kind::Again => again::decode(body, position.pack()).is_some(),
        Kind::Catalogue => catalogue::decode(body).is_some(),
        Kind::Snapshot | Kind::Refused | Kind::Mark => false,
    }
}

/// What the entry was that lies here damaged, as far as its head tells: as it is, or with one bit
/// of it set right. For a person to read, never to deliver by.
pub(super) fn guess(
    file: &dyn DiskFile,
    segment: u32,
    range: &Range<u64>,
) -> io::Result<Option<Guess>> {
    let Ok(offset) = u32::try_from(range.start) else { return Ok(None) };
    let position = Position { segment, offset };
    let mut bytes = [0; HEADER_BYTES];
    if file.read_at(&mut bytes, range.start)? < HEADER_BYTES {
        return Ok(None);
    }
    let Some(head) = mended(&mut bytes, position) else { return Ok(None) };
    let len = head.entry_len() as u64;
    let mut entry = Vec::new();
    let left = range.end - range.start;
    if left + entry::ALIGN as u64 >= len
        && head.body_len <= sluicegate_core::limits::ENTRY_BYTES_MAX * 2
    {
        entry = vec![0; head.entry_len()];
        file.read_at(&mut entry, range.start)?;
    }
    Ok(Some(Guess { kind: head.kind, was_whole: head.was_whole(&entry) }))
}

/// What a damaged entry seems to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) kind: Kind,
    /// Whether it was written to its end.
    pub(super) was_whole: bool,
}

fn mended(bytes: &mut [u8; HEADER_BYTES], position: Position) -> Option<Head> {
    if let Some(head) = entry::head(bytes, position) {
        return Some(head);
    }
    for bit in 0..HEADER_BYTES * 8 {
        let mask = 1_u8 << (bit % 8);
        let at = bit / 8;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= mask;
        }
        if let Some(head) = entry::head(bytes, position) {
            return Some(head);
        }
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= mask;
        }
    }
    None
}

const CHUNK_BYTES: usize = 1024 * 1024;
