//! The frame of an entry.
//!
//! ```text
//!  0  magic       4  "SGE1"
//!  4  version     1  3, or 2 from before
//!  5  kind        1  1 commit, 2 changes, 3 catalogue, 4 again, 5 snapshot, 6 refused, 7 mark
//!  6  data key    2  0: the body is plain; else the key that it is sealed with (see `seal`)
//!  8  body length 4
//! 12  body CRC    4  CRC32C of the body
//! 16  frame CRC   4  CRC32C of segment number, offset (8 bytes each) and the bytes 0..16
//! 20  body
//!     trailer     4  the frame CRC again, inverted
//!     padding     to a multiple of 8, zeros
//! ```
//!
//! The body's CRC is made by the producer's thread; the frame's covers it and is seeded with the
//! place, so that a block of an older file that shows through is never taken for an entry. The
//! trailer says, without the body being read, that the entry was written to its end.

use std::num::NonZeroU16;

use super::{VERSION, is_known};
use crate::seal::SEAL_BYTES;

/// Bytes before the body.
pub(crate) const HEADER_BYTES: usize = 20;
/// Bytes after the body, without padding.
const TRAILER_BYTES: usize = 4;
/// Entries start at multiples of this.
pub(crate) const ALIGN: usize = 8;

pub(crate) const MAGIC: [u8; 4] = *b"SGE1";

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Changes,
    Catalogue,
    /// Events of the past, placed once more.
    Again,
    /// A queue at a checkpoint: in a file of checkpoints, never in the log.
    Snapshot,
    /// A delivery that was refused: in a file of those, never in the log.
    Refused,
    /// What became of a refused delivery: in the same files.
    Mark,
}

impl Kind {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Changes => 2,
            Self::Catalogue => 3,
            Self::Again => 4,
            Self::Snapshot => 5,
            Self::Refused => 6,
            Self::Mark => 7,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::Commit,
            Self::Changes,
            Self::Catalogue,
            Self::Again,
            Self::Snapshot,
            Self::Refused,
            Self::Mark,
        ];
        all.into_iter().find(|kind| kind.code() == code)
    }
}

/// The number of a data key: from 1 in each folder, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DataKeyId(pub(crate) NonZeroU16);

/// Where an entry lies: seeds its CRC, and gives its events their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

impl Position {
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.segment) << 32 | u64::from(self.offset)
    }

    pub(crate) fn unpack(packed: u64) -> Self {
        Self { segment: (packed >> 32) as u32, offset: packed as u32 }
    }
}

/// The head of an entry that is well formed and lies where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// The key that the body is sealed with; `None` if it is plain.
    pub(crate) key: Option<DataKeyId>,
    pub(crate) body_len: usize,
    body_crc: u32,
    frame_crc: u32,
}

/// Starts an entry: room for the header. The body is then put behind it.
pub(crate) fn start(capacity: usize) -> Vec<u8> {
    let mut frame =
        Vec::with_capacity(HEADER_BYTES + SEAL_BYTES + capacity + TRAILER_BYTES + ALIGN);
    frame.resize(HEADER_BYTES, 0);
    frame
}

/// Ends a plain entry: header, trailer and padding, all but what depends on the place.
pub(crate) fn finish(frame: &mut Vec<u8>, kind: Kind) {
    finish_with(frame, kind, None);
}

/// Takes trailer and padding off a finished entry: what is left is the header's room and the body.
pub(crate) fn unfinish(frame: &mut Vec<u8>) -> Option<Kind> {
    let header = frame.first_chunk::<16>()?;
    let body_len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
    let kind = Kind::from_code(header[5])?;
    frame.truncate(HEADER_BYTES + body_len);
    Some(kind)
}

/// Ends an entry whose body is plain, or is sealed with this key.
pub(crate) fn finish_with(frame: &mut Vec<u8>, kind: Kind, key: Option<DataKeyId>) {
    let body = frame.get(HEADER_BYTES..).unwrap_or_default();
    // Bodies are held under ENTRY_BYTES_MAX, far under 4 GiB, before they get here.
    let (len, crc) = (body.len() as u32, crc32c::crc32c(body));
    if let Some(header) = frame.first_chunk_mut::<16>() {
        *header = header_bytes(kind, key, len, crc);
    }
    let padded = (frame.len() + TRAILER_BYTES).next_multiple_of(ALIGN);
    frame.resize(padded, 0);
}

/// Writes into a finished entry what depends on its place.
pub(crate) fn seal(frame: &mut [u8], position: Position) {
    let Some(header) = frame.first_chunk::<16>() else { return };
    let crc = frame_crc(header, position);
    let body_len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
    let trailer = HEADER_BYTES + body_len;
    if let Some(at) = frame.get_mut(16..HEADER_BYTES) {
        at.copy_from_slice(&crc.to_le_bytes());
    }
    if let Some(at) = frame.get_mut(trailer..trailer + TRAILER_BYTES) {
        at.copy_from_slice(&(!crc).to_le_bytes());
    }
}

/// Reads a head; `None` if it is not one, or not at its place.
pub(crate) fn head(bytes: &[u8], position: Position) -> Option<Head> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    let (fields, crc) = header.split_first_chunk::<16>()?;
    if !fields.starts_with(&MAGIC) || !is_known(fields[4]) {
        return None;
    }
    let frame_crc_found = u32::from_le_bytes(crc.try_into().ok()?);
    if frame_crc_found != frame_crc(fields, position) {
        return None;
    }
    Some(Head {
        kind: Kind::from_code(fields[5])?,
        key: NonZeroU16::new(u16::from_le_bytes([fields[6], fields[7]])).map(DataKeyId),
        body_len: u32::from_le_bytes([fields[8], fields[9], fields[10], fields[11]]) as usize,
        body_crc: u32::from_le_bytes([fields[12], fields[13], fields[14], fields[15]]),
        frame_crc: frame_crc_found,
    })
}

impl Head {
    /// Bytes of the whole entry, padding included.
    pub(crate) fn entry_len(&self) -> usize {
        (HEADER_BYTES + self.body_len + TRAILER_BYTES).next_multiple_of(ALIGN)
    }

    /// Whether this entry was written to its end, whatever became of it since: its trailer is
    /// there, or its body is.
    pub(crate) fn was_whole(&self, entry: &[u8]) -> bool {
        let end = HEADER_BYTES + self.body_len;
        let trailer = entry.get(end..end + TRAILER_BYTES);
        let body = entry.get(HEADER_BYTES..end);
        trailer.is_some_and(|trailer| trailer == (!self.frame_crc).to_le_bytes())
            || body.is_some_and(|body| crc32c::crc32c(body) == self.body_crc)
    }

    /// The body of this entry, if it is whole and undamaged.
    pub(crate) fn body<'a>(&self, entry: &'a [u8]) -> Option<&'a [u8]> {
        let end = HEADER_BYTES + self.body_len;
        let body = entry.get(HEADER_BYTES..end)?;
        let trailer = entry.get(end..end + TRAILER_BYTES)?;
        let whole = trailer == (!self.frame_crc).to_le_bytes();
        (whole && crc32c::crc32c(body) == self.body_crc).then_some(body)
    }
}

/// Bytes that fill an entry with a body of this length up.
pub(crate) fn padding_of(body_len: usize) -> usize {
    let end = HEADER_BYTES + body_len + TRAILER_BYTES;
    end.next_multiple_of(ALIGN) - end
}

fn header_bytes(kind: Kind, key: Option<DataKeyId>, body_len: u32, body_crc: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[..4].copy_from_slice(&MAGIC);
    header[4] = VERSION;
    header[5] = kind.code();
    header[6..8].copy_from_slice(&key.map_or(0, |key| key.0.get()).to_le_bytes());
    header[8..12].copy_from_slice(&body_len.to_le_bytes());
    header[12..].copy_from_slice(&body_crc.to_le_bytes());
    header
}

fn frame_crc(fields: &[u8; 16], position: Position) -> u32 {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&u64::from(position.segment).to_le_bytes());
    seed[8..16].copy_from_slice(&u64::from(position.offset).to_le_bytes());
    seed[16..].copy_from_slice(fields);
    crc32c::crc32c(&seed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(body: &[u8], position: Position) -> Vec<u8> {
        let mut frame = start(body.len());
        frame.extend_from_slice(body);
        finish(&mut frame, Kind::Commit);
        seal(&mut frame, position);
        frame
    }

    proptest! {
        #[test]
        fn an_entry_is_read_back_only_at_its_place(
            body: Vec<u8>, segment: u32, offset: u32, elsewhere: u32
        ) {
            let position = Position { segment, offset };
            let frame = entry(&body, position);
            let found = head(&frame, position).unwrap();
            prop_assert_eq!(found.entry_len(), frame.len());
            prop_assert_eq!(found.body(&frame), Some(body.as_slice()));
            if elsewhere != offset {
                prop_assert_eq!(head(&frame, Position { segment, offset: elsewhere }), None);
            }
        }

        #[test]
        fn one_flipped_bit_is_always_seen(body: Vec<u8>, at: usize, bit in 0_u8..8) {
            let position = Position { segment: 3, offset: 64 };
            let mut frame = entry(&body, position);
            let covered = HEADER_BYTES + body.len() + TRAILER_BYTES;
            frame[at % covered] ^= 1 << bit;
            let read = head(&frame, position).and_then(|head| head.body(&frame));
            prop_assert_eq!(read, None);
        }

        #[test]
        fn noise_is_never_an_entry(noise: Vec<u8>) {
            prop_assert_eq!(head(&noise, Position { segment: 1, offset: 0 }), None);
        }
    }
}
