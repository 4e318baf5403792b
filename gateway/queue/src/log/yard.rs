//! Where the files of segments are made, kept ready and cut.
//!
//! The **ballast** (`data/ballast`) is a file that only holds room. On a full disk it becomes a
//! segment itself, by a change of its name: nothing must be allocated then, and no other process
//! can take the room in between.
//!
//! IMPORTANT: a number is only given to a file that never held an entry. What is made here and
//! never used holds zeros: [`remove_unused`] takes it away at the next start.

use std::io;
use std::sync::Arc;

use super::room::says_full;
use super::segments::{segment_name, segment_number};
use crate::disk::{Disk, DiskFile};

/// A segment that is ready to be written to.
pub(crate) struct Prepared {
    pub(crate) number: u32,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Writes up to here need no more space of the disk.
    pub(crate) room: u64,
    pub(crate) size: Size,
}

/// How large a segment was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// As it was asked for.
    Regular,
    /// As large as a full disk allows: for settlements only.
    Small,
}

/// Where segments are made.
pub(super) struct Yard {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) segment_bytes: u64,
    pub(super) ballast_bytes: u64,
}

impl Yard {
    /// Makes a segment with all its room. It is durable when this returns.
    ///
    /// It is filled with zeros until `hurried`. Room that is only reserved costs the writer a
    /// change of the file system's own records with every flush: measured on ext4 with batches of
    /// 64 KiB, a third fewer flushes, even though here the zeros are written beside them.
    pub(super) fn regular(&self, number: u32, hurried: impl Fn() -> bool) -> io::Result<Prepared> {
        let prepared = self.make(number, self.segment_bytes, Size::Regular)?;
        match fill(&prepared, hurried) {
            Ok(()) => Ok(prepared),
            Err(fault) => {
                self.remove(&prepared);
                Err(fault)
            }
        }
    }

    /// Makes a segment from the ballast; if there is none, as large as still goes.
    pub(super) fn small(&self, number: u32) -> io::Result<Prepared> {
        let name = segment_name(number);
        match self.disk.rename(BALLAST, &name) {
            Ok(()) => {
                self.disk.sync_folder("log")?;
                self.disk.sync_folder("")?;
                let file = self.disk.open(&name)?;
                let room = file.len()?;
                return Ok(Prepared { number, file, room, size: Size::Small });
            }
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        let mut room = self.ballast_bytes;
        loop {
            match self.make(number, room, Size::Small) {
                Err(fault) if says_full(&fault) && room / 2 >= SMALL_BYTES_MIN => room /= 2,
                made => return made,
            }
        }
    }

    /// Makes the ballast, unless it is there.
    pub(super) fn ballast(&self) -> io::Result<()> {
        match self.disk.open(BALLAST) {
            Ok(file) if file.len()? == self.ballast_bytes => return Ok(()),
            // Of another configuration, or never finished.
            Ok(_) => self.disk.remove(BALLAST)?,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        self.has_space(self.ballast_bytes)?;
        self.disk.create(BALLAST, self.ballast_bytes)?.sync()?;
        self.disk.sync_folder("")
    }

    /// Deletes the ballast; `false` if there is none, or it cannot be deleted.
    pub(super) fn give_up_ballast(&self) -> bool {
        self.disk.remove(BALLAST).is_ok()
    }

    /// Takes away a segment that was never used.
    pub(super) fn remove(&self, unused: &Prepared) {
        if let Err(fault) = self.disk.remove(&segment_name(unused.number)) {
            // The next start does it.
            tracing::warn!(error = %fault, "a segment that was not used cannot be deleted");
        }
    }

    fn make(&self, number: u32, room: u64, size: Size) -> io::Result<Prepared> {
        self.has_space(room)?;
        let file = self.disk.create(&segment_name(number), room)?;
        let prepared = Prepared { number, file, room, size };
        match prepared.file.sync().and_then(|()| self.disk.sync_folder("log")) {
            Ok(()) => Ok(prepared),
            Err(fault) => {
                self.remove(&prepared);
                Err(fault)
            }
        }
    }

    /// Asked before every file: to try would take the last room from others for a moment. If it
    /// cannot be known, the disk itself will say.
    fn has_space(&self, room: u64) -> io::Result<()> {
        match self.disk.free_bytes() {
            Ok(free) if free < room => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

/// Writes zeros in pieces, each flushed: one large flush would hold up the writer's.
fn fill(prepared: &Prepared, hurried: impl Fn() -> bool) -> io::Result<()> {
    let zeros = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < prepared.room && !hurried() {
        let rest = usize::try_from(prepared.room - offset).unwrap_or(CHUNK_BYTES);
        let piece = zeros.get(..rest).unwrap_or(&zeros);
        prepared.file.write_at(piece, offset)?;
        prepared.file.sync()?;
        offset += piece.len() as u64;
    }
    Ok(())
}

/// Takes away the newest segments as long as they hold nothing but zeros: they were made ahead and
/// never used, or a power cut left nothing of their first entries. Called before the log is read;
/// returns how many.
///
/// # Errors
/// Those of the disk.
pub(crate) fn remove_unused(disk: &dyn Disk) -> io::Result<usize> {
    let names = disk.list("log")?;
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| segment_number(name, ".log")).collect();
    numbers.sort_unstable();
    let mut removed = 0;
    while let Some(number) = numbers.pop() {
        let name = segment_name(number);
        if !holds_only_zeros(&*disk.open(&name)?)? {
            break;
        }
        disk.remove(&name)?;
        removed += 1;
    }
    if removed > 0 {
        disk.sync_folder("log")?;
    }
    Ok(removed)
}

/// Whether there is nothing but zeros in a file.
pub(crate) fn holds_only_zeros(file: &dyn DiskFile) -> io::Result<bool> {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let filled = file.read_at(&mut bytes, offset)?;
        let read = bytes.get(..filled).unwrap_or_default();
        if read.is_empty() {
            return Ok(true);
        }
        if read.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        offset += filled as u64;
    }
}

/// The size of the ballast for segments of this size.
pub(crate) fn ballast_bytes(segment_bytes: u64) -> u64 {
    (segment_bytes / 4).clamp(BALLAST_BYTES_MIN, BALLAST_BYTES_MAX)
}

/// The file that holds room for a full disk.
pub(crate) const BALLAST: &str = "ballast";
const BALLAST_BYTES_MIN: u64 = 4 * 1024 * 1024;
const BALLAST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A segment smaller than this is not worth its file.
const SMALL_BYTES_MIN: u64 = 16 * 1024;
const CHUNK_BYTES: usize = 1024 * 1024;
