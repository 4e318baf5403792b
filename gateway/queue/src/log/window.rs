//! A window over a file: entries that lie together are read together.

use std::io;
use std::ops::Range;

use sluicegate_core::limits::ENTRY_BYTES_MAX;

use crate::disk::DiskFile;
use crate::format::entry::{self, HEADER_BYTES, Head, Position};

/// A window over a segment.
pub(super) struct Window<'f> {
    file: &'f dyn DiskFile,
    segment: u32,
    /// How much is read at once.
    ahead: usize,
    start: u64,
    /// Only grows: the first `filled` bytes are those of the file at `start`.
    bytes: Vec<u8>,
    filled: usize,
}

impl<'f> Window<'f> {
    pub(super) fn new(file: &'f dyn DiskFile, segment: u32, ahead: usize) -> Self {
        Self { file, segment, ahead, start: 0, bytes: Vec::new(), filled: 0 }
    }

    /// The bytes at this offset; fewer than `len` only at the end of the file.
    pub(super) fn bytes(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        if self.inside(offset, len).is_none() {
            let want = len.max(self.ahead);
            if self.bytes.len() < want {
                self.bytes = vec![0; want];
            }
            let into = self.bytes.get_mut(..want).unwrap_or_default();
            // A read that fails leaves anything there.
            self.filled = 0;
            self.filled = self.file.read_at(into, offset)?;
            self.start = offset;
        }
        let range = self.inside(offset, len).unwrap_or(0..self.filled);
        Ok(self.bytes.get(range).unwrap_or_default())
    }

    /// The entry at this offset, if there is a whole one: its head, and its body.
    pub(super) fn entry(&mut self, offset: u64) -> io::Result<Option<(Head, &[u8])>> {
        let Ok(place) = u32::try_from(offset) else { return Ok(None) };
        let position = Position { segment: self.segment, offset: place };
        let Some(head) = entry::head(self.bytes(offset, HEADER_BYTES)?, position) else {
            return Ok(None);
        };
        // The head is proven by its CRC; the bound is for memory all the same.
        if head.body_len > ENTRY_BYTES_MAX + ENTRY_BYTES_SLACK {
            return Ok(None);
        }
        let bytes = self.bytes(offset, head.entry_len())?;
        Ok(head.body(bytes).map(|body| (head, body)))
    }

    fn inside(&self, offset: u64, len: usize) -> Option<Range<usize>> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(len)?;
        (to <= self.filled).then_some(from..to)
    }
}

/// What an entry may have beside the payloads, headers and attributes that the limit counts.
const ENTRY_BYTES_SLACK: usize = 1024 * 1024;
