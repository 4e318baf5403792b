//! Setting aside what start-up finds damaged.

use std::io;
use std::ops::Range;

use super::Recovery;
use crate::disk::DiskFile;
use crate::quarantine::{self, Copied};

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
        match quarantine::copy(self.disk, file, segment, range)? {
            Copied::Made | Copied::Known => {
                tracing::warn!(segment, offset, bytes, "log is damaged: set aside");
            }
            Copied::NoRoom => {
                let why = "the disk is full";
                tracing::warn!(segment, offset, bytes, why, "log is damaged: not copied");
            }
        }
        Ok(())
    }
}
