//! Reading arrivals as they are wished for.

use std::io;
use std::sync::Arc;

use sluicegate_core::queue::{Item, Place, Wish};

use super::block::{Block, Lies};
use super::directory;
use crate::disk::DiskFile;

/// What was found.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Loaded {
    /// Arrivals, in the order of their ids. None only if there are no more.
    pub(crate) items: Vec<Item>,
    /// Whether the segment lists more of them, up to the wish's end.
    pub(crate) more: bool,
    /// How many slots lie in damaged blocks that were passed over. Some of them may be before or
    /// after what was wished for.
    pub(crate) damaged: u64,
}

/// Finds what is wished for in these blocks of one section: whole blocks are decoded until there
/// is enough, one read each. Holds no lock.
///
/// # Errors
/// Those of the disk. A damaged block is passed over and counted.
pub(super) fn gather(
    blocks: &[Block],
    file: Option<&dyn DiskFile>,
    wish: &Wish,
) -> io::Result<Loaded> {
    let mut loaded = Loaded::default();
    let from = blocks.partition_point(|block| block.first <= wish.after).saturating_sub(1);
    let wanted = |id: Place| id > wish.after && id <= wish.up_to;
    let place = (wish.segment, wish.priority);
    for block in blocks.iter().skip(from) {
        if block.first > wish.up_to {
            break;
        }
        if loaded.items.len() >= wish.count.max(1) {
            loaded.more = true;
            break;
        }
        let bytes = bytes_of(block, file)?;
        if block.decode(&bytes, place, wanted, &mut loaded.items).is_none() {
            loaded.damaged += u64::from(block.count);
        }
    }
    Ok(loaded)
}

pub(super) fn bytes_of(block: &Block, file: Option<&dyn DiskFile>) -> io::Result<Arc<[u8]>> {
    match (&block.lies, file) {
        (Lies::Here(bytes), _) => Ok(Arc::clone(bytes)),
        (Lies::At(offset), Some(file)) => {
            match directory::read(file, *offset, u64::from(block.len)) {
                Ok(bytes) => Ok(bytes.into()),
                // The file was cut: what is left of it is not this block.
                Err(fault) if fault.kind() == io::ErrorKind::InvalidData => Ok([].into()),
                Err(fault) => Err(fault),
            }
        }
        (Lies::At(_), None) => Err(io::ErrorKind::NotFound.into()),
    }
}
