//! Setting damage aside: the bytes are copied, so that a person can look at them.

use std::io;
use std::ops::Range;

use super::Recovery;
use crate::disk::DiskFile;
use crate::log::says_full;

impl Recovery<'_> {
    /// Copies what is damaged aside, for a person to look at. Without room for the copy there is
    /// none: a full disk must not keep consumers from draining it.
    pub(super) fn quarantine(
        &mut self,
        file: &dyn DiskFile,
        segment: u32,
        range: Range<u64>,
    ) -> io::Result<()> {
        self.out.quarantined += 1;
        let (offset, bytes) = (range.start, range.end - range.start);
        tracing::warn!(segment, offset, bytes, "log is damaged: set aside");
        match self.copy(file, segment, range) {
            Err(fault) if says_full(&fault) => {
                tracing::warn!(segment, offset, error = %fault, "what is damaged is not copied");
                Ok(())
            }
            copied => copied,
        }
    }

    fn copy(&self, file: &dyn DiskFile, segment: u32, range: Range<u64>) -> io::Result<()> {
        let len = range.end - range.start;
        let name = format!("quarantine/{segment:010}-{:010}.bin", range.start);
        let copy = match self.disk.create(&name, 0) {
            Ok(copy) => copy,
            // A start-up before this one has copied it.
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let mut bytes = vec![0; COPY_BYTES];
        let mut copied = 0;
        while copied < len {
            let want = usize::try_from(len - copied).unwrap_or(COPY_BYTES).min(COPY_BYTES);
            bytes.resize(want, 0);
            let filled = file.read_at(&mut bytes, range.start + copied)?;
            if filled == 0 {
                break;
            }
            copy.write_at(bytes.get(..filled).unwrap_or_default(), copied)?;
            copied += filled as u64;
        }
        copy.sync()?;
        self.disk.sync_folder("quarantine")
    }
}

const COPY_BYTES: usize = 1024 * 1024;
