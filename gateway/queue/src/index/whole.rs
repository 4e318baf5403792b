//! Everything that an index lists, read at once: for a check of it against its segment.

use std::io;

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, QueueNumber};

use super::directory::Directory;
use super::draft::Draft;
use super::file::{self, Read};
use super::gather::bytes_of;
use crate::dedupe::KeyHash;
use crate::disk::Disk;

/// Everything that an index lists: by queue and priority, in the order of the ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listed {
    pub(crate) items: Vec<(QueueNumber, Item)>,
    pub(crate) keys: Vec<(KeyHash, EventId)>,
}

/// What the file of an index is.
#[derive(Debug)]
pub(crate) enum Whole {
    Missing,
    Damaged,
    Listed(Listed),
}

/// Reads and checks the whole file of a segment's index.
///
/// # Errors
/// Those of the disk; that the file is missing or damaged is an answer.
pub(crate) fn read_whole(disk: &dyn Disk, segment: u32) -> io::Result<Whole> {
    match file::open(disk, segment)? {
        Read::Missing => Ok(Whole::Missing),
        Read::Damaged => Ok(Whole::Damaged),
        Read::Sound(directory) => match list(&directory) {
            Ok(Some(listed)) => Ok(Whole::Listed(listed)),
            Ok(None) => Ok(Whole::Damaged),
            Err(fault) if fault.kind() == io::ErrorKind::InvalidData => Ok(Whole::Damaged),
            Err(fault) => Err(fault),
        },
    }
}

/// Everything that a draft lists.
///
/// # Errors
/// None: a draft is in memory.
pub(crate) fn list_draft(draft: Draft) -> io::Result<Listed> {
    Ok(list(&draft.finish())?.unwrap_or_default())
}

/// `None` if a block is not what was written.
fn list(directory: &Directory) -> io::Result<Option<Listed>> {
    let mut listed = Listed { items: Vec::new(), keys: directory.keys()? };
    let mut found = Vec::new();
    for (section, blocks) in directory.summary.sections.iter().zip(&directory.blocks) {
        for block in blocks {
            let bytes = bytes_of(block, directory.file.as_deref())?;
            let place = (directory.segment, section.priority);
            if block.decode(&bytes, place, |_| true, &mut found).is_none() {
                return Ok(None);
            }
        }
        listed.items.extend(found.drain(..).map(|item| (section.queue, item)));
    }
    Ok(Some(listed))
}
