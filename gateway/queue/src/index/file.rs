//! The file of an index: `data/log/<n>.index`, `n` in ten digits.
//!
//! ```text
//! header     8  "SGI1", version (a byte), zeros
//! blocks        of all sections, one behind the other (see `block` and `slot`)
//! keys          the segment's idempotency keys (see `format::keys`)
//! directory     what is in which block (see `directory`)
//! footer    24  offset of the directory (8), CRC32C of the directory (4), number of the segment
//!               (4), CRC32C of the header and the footer up to here (4), "SGI1"
//! ```
//!
//! Everything is covered: blocks by CRCs in the directory, the directory by the footer. A file
//! that ends elsewhere, or is of another version, counts as damaged: it is made again.

use std::io;
use std::sync::Arc;

use super::block::Lies;
use super::directory::{self, Directory, KeyList};
use crate::disk::{Disk, DiskFile};
use crate::format::bytes::Put;
use crate::format::keys;

/// What a file is.
pub(super) enum Read {
    Sound(Directory),
    Missing,
    Damaged,
}

/// The whole file of an index that is in memory.
///
/// # Errors
/// Of kind `InvalidInput` if a part of it is not in memory.
pub(super) fn encode(directory: &Directory) -> io::Result<Vec<u8>> {
    let mut out = HEADER.to_vec();
    let mut blocks_at = Vec::with_capacity(directory.blocks.len());
    for blocks in &directory.blocks {
        blocks_at.push(out.len() as u64);
        for block in blocks {
            let Lies::Here(bytes) = &block.lies else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            out.put_raw(bytes);
        }
    }
    let keys_at = out.len() as u64;
    let KeyList::Here(keys) = &directory.keys else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    out.put_raw(&keys::encode(keys.iter().copied()));
    let offset = out.len();
    directory::put(&mut out, directory, &blocks_at, (keys_at, offset as u64 - keys_at));
    let crc = crc32c::crc32c(out.get(offset..).unwrap_or_default());
    let footer = footer(offset as u64, crc, directory.segment);
    out.put_raw(&footer);
    Ok(out)
}

/// Reads the directory of a file.
///
/// # Errors
/// Those of the disk; that the file is missing or damaged is an answer.
pub(super) fn open(disk: &dyn Disk, segment: u32) -> io::Result<Read> {
    let file = match disk.open(&index_name(segment)) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Read::Missing),
        Err(fault) => return Err(fault),
    };
    match decode(file, segment) {
        Ok(directory) => Ok(directory.map_or(Read::Damaged, Read::Sound)),
        Err(fault) if fault.kind() == io::ErrorKind::InvalidData => Ok(Read::Damaged),
        Err(fault) => Err(fault),
    }
}

/// The name of the file of a segment's index.
pub(crate) fn index_name(segment: u32) -> String {
    format!("log/{segment:010}.index")
}

fn decode(file: Arc<dyn DiskFile>, segment: u32) -> io::Result<Option<Directory>> {
    let Some(end) = file.len()?.checked_sub(FOOTER_BYTES) else { return Ok(None) };
    let header = directory::read(&*file, 0, HEADER.len() as u64)?;
    let last = directory::read(&*file, end, FOOTER_BYTES)?;
    let Some((offset, crc)) = take_footer(&last, segment) else { return Ok(None) };
    let Some(len) = end.checked_sub(offset) else { return Ok(None) };
    let bytes = directory::read(&*file, offset, len)?;
    if header != HEADER || crc32c::crc32c(&bytes) != crc {
        return Ok(None);
    }
    Ok(Directory::take(&bytes, segment, offset, file))
}

fn footer(offset: u64, crc: u32, segment: u32) -> [u8; FOOTER_BYTES as usize] {
    let mut footer = [0; FOOTER_BYTES as usize];
    footer[..8].copy_from_slice(&offset.to_le_bytes());
    footer[8..12].copy_from_slice(&crc.to_le_bytes());
    footer[12..16].copy_from_slice(&segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&HEADER), &footer[..16]);
    footer[16..20].copy_from_slice(&crc.to_le_bytes());
    footer[20..].copy_from_slice(&MAGIC);
    footer
}

/// The offset of the directory and its CRC, if this is the footer of this segment's index.
fn take_footer(bytes: &[u8], segment: u32) -> Option<(u64, u32)> {
    let offset = u64::from_le_bytes(*bytes.first_chunk()?);
    let crc = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
    (bytes == footer(offset, crc, segment)).then_some((offset, crc))
}

const MAGIC: [u8; 4] = *b"SGI1";
const VERSION: u8 = 1;
const HEADER: [u8; 8] = [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], VERSION, 0, 0, 0];
const FOOTER_BYTES: u64 = 24;
