//! What a process before this one left behind and nobody needs: drafts of files, and indexes of
//! segments that it had deleted. Nothing else is ever taken away here.
//!
//! IMPORTANT: called with the folder locked, and after it was read: the index of a segment that is
//! missing though something in a queue needs it is no stray.

use std::io;

use crate::disk::Disk;
use crate::forensics::{DRAFT, FOLDERS, is_known};
use crate::recovery::{Checkpoints, Recovered, numbered};

/// Takes them away. What cannot be, stays: the next start tries again.
pub(super) fn remove(disk: &dyn Disk, recovered: &Recovered) {
    let removed = remove_drafts(disk).and_then(|()| remove_indexes(disk, recovered));
    if let Err(fault) = removed {
        tracing::warn!(error = %fault, "what is left over in the data folder cannot be removed");
    }
}

fn remove_drafts(disk: &dyn Disk) -> io::Result<()> {
    for folder in FOLDERS {
        for name in disk.list(folder)? {
            let Some(of) = name.strip_suffix(DRAFT) else { continue };
            // In the quarantine lies what people may have named.
            let ours = is_known(folder, of) && (folder != crate::quarantine::FOLDER || is_copy(of));
            if ours {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                tracing::info!(file = path, "a draft was left behind: removed");
                disk.remove(&path)?;
            }
        }
    }
    Ok(())
}

fn is_copy(name: &str) -> bool {
    name.strip_suffix(".bin").is_some_and(|place| {
        place.len() == 21 && place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// Without a checkpoint nobody knows what is needed: then all stay.
fn remove_indexes(disk: &dyn Disk, recovered: &Recovered) -> io::Result<()> {
    if recovered.checkpoint != Checkpoints::Read {
        return Ok(());
    }
    for segment in numbered(disk, "log", ".index")? {
        let needed = recovered.ledger.missing().get(&segment).is_some_and(|events| *events > 0);
        if !needed && !recovered.ledger.has(segment) {
            tracing::info!(segment, "an index was left behind by its segment: removed");
            recovered.indexes.remove(segment)?;
        }
    }
    Ok(())
}
