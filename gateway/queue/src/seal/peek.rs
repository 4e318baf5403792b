//! A look at which data keys the log needs, before anything in the folder is touched.
//!
//! Numbers of data keys only grow, and a key seals from its first entry on: the first entry of
//! each segment tells enough to see that a keyring is missing, or too old. Two small reads for a
//! segment.

use std::io;

use crate::disk::{Disk, DiskFile};
use crate::format::entry::{self, DataKeyId, HEADER_BYTES, Kind, Position};
use crate::log::{segment_name, segment_number};

/// The newest data key that a segment begins with; `None` if all begin with plain entries.
pub(super) fn newest_key(disk: &dyn Disk) -> io::Result<Option<DataKeyId>> {
    let mut newest = None;
    for name in disk.list("log")? {
        let Some(segment) = segment_number(&name, ".log") else { continue };
        let file = disk.open(&segment_name(segment))?;
        newest = newest.max(first_key(&*file, segment)?);
    }
    Ok(newest)
}

/// The key of the first entry after the catalogue, which is never sealed.
fn first_key(file: &dyn DiskFile, segment: u32) -> io::Result<Option<DataKeyId>> {
    let mut offset = 0;
    loop {
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(&mut bytes, u64::from(offset))?;
        let Some(head) = entry::head(&bytes, Position { segment, offset }) else {
            return Ok(None);
        };
        if head.kind != Kind::Catalogue {
            return Ok(head.key);
        }
        let next = u32::try_from(head.entry_len()).ok().and_then(|len| offset.checked_add(len));
        let Some(next) = next else { return Ok(None) };
        offset = next;
    }
}
