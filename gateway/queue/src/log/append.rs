//! The end of the log: entries are gathered in a buffer, written at once, flushed once.
//!
//! A process never appends to a segment that another process wrote: it starts a new one. So
//! nothing that a failed flush left in a cache is ever built upon.
//!
//! Nothing is written outside of the room that a segment has: an entry for which there is none is
//! refused before a byte of it is written, and that is no fault of the disk.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;

use super::depot::Depot;
use super::room::{LogFault, Use, says_full};
use super::segments::Segments;
use super::yard::{Prepared, Size};
use crate::format::catalogue;
use crate::format::entry::{self, Position};

/// The end of the log. Owned by the writer.
pub(crate) struct Log {
    depot: Arc<Depot>,
    segments: Arc<Segments>,
    names: Vec<QueueName>,
    current: Prepared,
    /// Bytes of the segment that are written.
    written: u64,
    /// Where its entries begin: after its catalogue.
    entries_at: u64,
    /// Entries that are not written yet.
    buffer: Vec<u8>,
    /// Asked after a write that found no room: whether to wait, and try it again.
    patience: Box<dyn Fn() -> bool + Send>,
}

impl Log {
    /// Starts a new segment. It is durable when this returns. On a full disk it is a small one.
    ///
    /// # Errors
    /// When the disk has no room for the smallest segment, or fails.
    pub(crate) fn start(
        depot: Arc<Depot>,
        segments: Arc<Segments>,
        names: Vec<QueueName>,
    ) -> Result<Self, LogFault> {
        // Its thread is waited for, whoever fails.
        let current = depot.take(Use::Settlement).inspect_err(|_| depot.abandon())?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        let patience = Box::new(|| false);
        let (written, entries_at) = (0, 0);
        let mut log =
            Self { depot, segments, names, current, written, entries_at, buffer, patience };
        let catalogue = catalogue::encode(&log.names);
        reserve(&mut log.current, catalogue.len() as u64)?;
        log.begin(&catalogue);
        log.write()?;
        log.sync()?;
        Ok(log)
    }

    /// From now on a write that finds no room is tried again as long as `patience` says so; it
    /// waits before it answers.
    ///
    /// Room is reserved before it is needed, so this happens only where a file system does not
    /// keep what it promised, as those that never write in place. Nothing was flushed, so nothing
    /// is given up by the cache: the same bytes may be written to the same place again. Only a
    /// flush that failed cannot be repeated.
    pub(crate) fn wait_for_room(&mut self, patience: impl Fn() -> bool + Send + 'static) {
        self.patience = Box::new(patience);
    }

    /// Where the next entry lies, if the segment is not full before.
    pub(crate) fn end(&self) -> Position {
        // Segments are at most 1 GiB and one entry long, well under 4 GiB.
        Position { segment: self.current.number, offset: self.len() as u32 }
    }

    /// From now on segments begin with these names.
    pub(crate) fn rename(&mut self, names: Vec<QueueName>) {
        self.names = names;
    }

    /// The number of the segment that is written to.
    pub(crate) fn segment(&self) -> u32 {
        self.current.number
    }

    /// Adds an entry. It is written by the next `write`, or before if the buffer or the segment
    /// is full; a segment that is full is flushed before the next one begins.
    ///
    /// # Errors
    /// [`LogFault::Full`] if there is no room for this one: nothing happened.
    /// [`LogFault::Disk`] if what came before could not be written or flushed.
    pub(crate) fn append(&mut self, frame: &[u8], usage: Use) -> Result<Position, LogFault> {
        self.make_room(frame.len() as u64, usage)?;
        if self.buffer.len() >= BUFFER_BYTES {
            self.write()?;
        }
        Ok(self.put(frame))
    }

    /// Writes what was added.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        while let Err(fault) = self.current.file.write_at(&self.buffer, self.written) {
            if !says_full(&fault) || !(self.depot.give_up_ballast() || (self.patience)()) {
                return Err(fault);
            }
        }
        self.written += self.buffer.len() as u64;
        self.segments.wrote(self.written);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES * 2);
        Ok(())
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.current.file.sync()
    }

    /// Ends the log: writes and flushes all, cuts the segment to its end, closes the depot.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.write()?;
        self.current.file.set_len(self.written)?;
        self.current.file.sync()?;
        self.depot.close();
        Ok(())
    }

    /// Sees to it that so many bytes more have room in the segment, if need be in the next one.
    fn make_room(&mut self, more: u64, usage: Use) -> Result<(), LogFault> {
        let end = self.len() + more;
        let Prepared { room, size, .. } = self.current;
        if size == Size::Regular && end <= room - reserve_of(room) {
            return Ok(());
        }
        if usage == Use::Commit {
            // The rest of the segment is for settlements, unless there is a next one.
            self.depot.wait()?;
        }
        if end <= room && (size == Size::Regular || usage == Use::Settlement) {
            return Ok(());
        }
        if self.len() > self.entries_at || size == Size::Small {
            self.roll(usage)?;
        }
        let end = self.len() + more;
        reserve(&mut self.current, end)
    }

    fn roll(&mut self, usage: Use) -> Result<(), LogFault> {
        let mut next = self.depot.take(usage)?;
        let catalogue = catalogue::encode(&self.names);
        reserve(&mut next, catalogue.len() as u64)?;
        self.write()?;
        self.sync()?;
        let sealed = std::mem::replace(&mut self.current, next);
        self.segments.cut(sealed.number, self.written);
        self.depot.cut(sealed.file, self.written);
        self.begin(&catalogue);
        Ok(())
    }

    /// Begins the segment, whose room for the catalogue is there.
    fn begin(&mut self, catalogue: &[u8]) {
        let Prepared { number, file, .. } = &self.current;
        self.segments.insert(*number, Arc::clone(file));
        self.written = 0;
        self.segments.wrote(0);
        self.put(catalogue);
        self.entries_at = catalogue.len() as u64;
    }

    fn put(&mut self, frame: &[u8]) -> Position {
        let start = self.buffer.len();
        let position = self.end();
        self.buffer.extend_from_slice(frame);
        entry::seal(self.buffer.get_mut(start..).unwrap_or_default(), position);
        position
    }

    fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.depot.abandon();
    }
}

/// Sees to it that a segment has so much room: an entry may be larger than a segment.
fn reserve(segment: &mut Prepared, room: u64) -> Result<(), LogFault> {
    if room > segment.room {
        segment.file.reserve(room).map_err(|fault| match says_full(&fault) {
            true => LogFault::Full,
            false => LogFault::Disk(fault),
        })?;
        segment.room = room;
    }
    Ok(())
}

/// The last part of a segment is for settlements, if there is no next segment: a sixteenth, at
/// least 64 KiB, at most a quarter.
fn reserve_of(room: u64) -> u64 {
    (room / 16).max(RESERVE_BYTES_MIN).min(room / 4)
}

const RESERVE_BYTES_MIN: u64 = 64 * 1024;

/// So much is gathered before it is written.
const BUFFER_BYTES: usize = 1024 * 1024;
