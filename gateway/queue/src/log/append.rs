//! The end of the log: entries are gathered in a buffer, written at once, flushed once.
//!
//! A process never appends to a segment that another process wrote: it starts a new one. So
//! nothing that a failed flush left in a cache is ever built upon.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;

use super::segments::{Segments, segment_name};
use crate::disk::{Disk, DiskFile};
use crate::format::catalogue;
use crate::format::entry::{self, Position};

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Commit,
    Settlement,
}

/// Why an entry was not added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogFault {
    /// There is no room for it: nothing was written, and the log goes on.
    #[error("disk is full")]
    Full,
    /// The disk failed: nothing may be written any more.
    #[error("failed to write")]
    Disk(#[from] io::Error),
}

/// The end of the log. Owned by the writer.
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    segments: Arc<Segments>,
    segment_bytes: u64,
    names: Vec<QueueName>,
    number: u32,
    file: Arc<dyn DiskFile>,
    /// Bytes of the segment that are written.
    written: u64,
    /// Entries that are not written yet.
    buffer: Vec<u8>,
}

impl Log {
    /// Starts a new segment with this number. It is durable when this returns.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        segments: Arc<Segments>,
        segment_bytes: u64,
        names: Vec<QueueName>,
        number: u32,
    ) -> io::Result<Self> {
        let segment_bytes = segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let file = disk.create(&segment_name(number), segment_bytes)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        let mut log =
            Self { disk, segments, segment_bytes, names, number, file, written: 0, buffer };
        log.begin()?;
        log.write()?;
        log.sync()?;
        Ok(log)
    }

    /// Where the next entry would lie, if the segment is not full before.
    pub(crate) fn end(&self) -> Position {
        // Segments are at most SEGMENT_BYTES_MAX and one entry long, well under 4 GiB.
        Position { segment: self.number, offset: self.len() as u32 }
    }

    /// From now on segments begin with these names.
    pub(crate) fn rename(&mut self, names: Vec<QueueName>) {
        self.names = names;
    }

    /// The number of the segment that is written to.
    pub(crate) fn segment(&self) -> u32 {
        self.number
    }

    /// Adds an entry. It is written by the next `write`, or before if the buffer or the segment
    /// is full; a segment that is full is flushed before the next one begins.
    pub(crate) fn append(&mut self, frame: &[u8], _of: Use) -> Result<Position, LogFault> {
        let end = self.len() + frame.len() as u64;
        if end > self.segment_bytes && self.has_entries() {
            self.roll()?;
        } else if self.buffer.len() >= BUFFER_BYTES {
            self.write()?;
        }
        Ok(self.put(frame))
    }

    /// Writes what was added.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES * 2);
        Ok(())
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Writes and flushes all, and cuts the segment to its end.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.write()?;
        self.file.set_len(self.written)?;
        self.file.sync()
    }

    fn roll(&mut self) -> io::Result<()> {
        self.seal()?;
        let number = self.number.checked_add(1).ok_or(io::ErrorKind::StorageFull)?;
        self.file = self.disk.create(&segment_name(number), self.segment_bytes)?;
        self.number = number;
        self.written = 0;
        self.begin()
    }

    fn begin(&mut self) -> io::Result<()> {
        self.disk.sync_folder("log")?;
        self.segments.insert(self.number, Arc::clone(&self.file));
        let catalogue = catalogue::encode(&self.names);
        self.put(&catalogue);
        Ok(())
    }

    fn put(&mut self, frame: &[u8]) -> Position {
        let start = self.buffer.len();
        // Segments are at most SEGMENT_BYTES_MAX and one entry long, well under 4 GiB.
        let position = Position { segment: self.number, offset: self.len() as u32 };
        self.buffer.extend_from_slice(frame);
        entry::seal(self.buffer.get_mut(start..).unwrap_or_default(), position);
        position
    }

    fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Whether there is more in the segment than its catalogue.
    fn has_entries(&self) -> bool {
        let catalogue: usize = self.names.iter().map(|name| name.as_str().len() + 1).sum();
        self.len() > catalogue as u64 + 64
    }
}

const SEGMENT_BYTES_MIN: u64 = 4 * 1024;
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// So much is gathered before it is written.
const BUFFER_BYTES: usize = 1024 * 1024;
