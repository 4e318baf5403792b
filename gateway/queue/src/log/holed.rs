//! A segment some blocks of which the disk cannot read: they are read as bytes that are no entry,
//! so that the entries around them are found. It never changes the file.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{DiskFile, is_unreadable};

/// A segment that is read past what cannot be read.
pub(crate) struct Holed {
    file: Arc<dyn DiskFile>,
    blocks_max: usize,
    /// Offsets of the blocks that could not be read.
    holes: Mutex<BTreeSet<u64>>,
}

impl Holed {
    /// At most so many blocks are passed over.
    pub(crate) fn new(file: Arc<dyn DiskFile>, blocks_max: usize) -> Self {
        Self { file, blocks_max, holes: Mutex::default() }
    }

    /// Whether everything that was read could be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Reads a part that lies within one block.
    fn read_block(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let fault = match self.file.read_at(into, offset) {
            Err(fault) if is_unreadable(&fault) => fault,
            read => return read,
        };
        let mut holes = self.holes.lock().unwrap_or_else(PoisonError::into_inner);
        holes.insert(offset / BLOCK_BYTES);
        if holes.len() > self.blocks_max {
            return Err(fault);
        }
        tracing::error!(error = %fault, offset, "a block of the log cannot be read");
        let rest = self.file.len()?.saturating_sub(offset);
        let len = usize::try_from(rest).map_or(into.len(), |rest| rest.min(into.len()));
        into.get_mut(..len).unwrap_or_default().fill(NO_ENTRY);
        Ok(len)
    }
}

impl DiskFile for Holed {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.file.read_at(into, offset) {
            Err(fault) if is_unreadable(&fault) && self.blocks_max > 0 => {}
            read => return read,
        }
        let mut filled = 0;
        while filled < into.len() {
            let at = offset + filled as u64;
            let to_end = (BLOCK_BYTES - at % BLOCK_BYTES) as usize;
            let end = into.len().min(filled + to_end);
            let block = into.get_mut(filled..end).unwrap_or_default();
            let wanted = block.len();
            let read = self.read_block(block, at)?;
            filled += read;
            if read < wanted {
                break;
            }
        }
        Ok(filled)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn punch(&self, _: Range<u64>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn space(&self) -> io::Result<u64> {
        self.file.space()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn evict(&self) -> io::Result<()> {
        self.file.evict()
    }
}

/// What a disk reads or fails to read at once.
const BLOCK_BYTES: u64 = 4096;

/// Neither the zeros of room that was never written nor the beginning of an entry.
const NO_ENTRY: u8 = 0xff;
