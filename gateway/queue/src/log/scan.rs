//! Reading a segment from end to end, past what is damaged.
//!
//! Where an entry should be and is none, the next whole one is looked for at every multiple of
//! eight. If there is one, what lies between is damage: it is skipped and reported. If there is
//! none, it is the tail: never finished, or never written.

use std::io;
use std::ops::{ControlFlow, Range};

use super::window::Window;
use crate::disk::DiskFile;
use crate::format::entry::{ALIGN, Head, MAGIC, Position};

/// What is found in a segment.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Entry {
        position: Position,
        head: Head,
        body: &'a [u8],
    },
    /// Bytes between entries that are none.
    Damage(Range<u64>),
    /// The end of the last entry, and how far bytes that are not zero go after it.
    Tail(Range<u64>),
}

impl Found<'_> {
    /// Bytes of the file that it takes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Entry { head, .. } => head.entry_len() as u64,
            Self::Damage(range) | Self::Tail(range) => range.end - range.start,
        }
    }
}

/// What of a segment is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) segment: u32,
    /// From the first multiple of eight at or after this offset on.
    pub(crate) from: u64,
    /// Whether zeros where an entry should be are the end: the rest of a segment that is written
    /// to now need not be looked through.
    pub(crate) ends_with_zeros: bool,
}

/// Reads a segment from end to end. `visit` sees everything once, in order, the tail last.
pub(crate) fn scan(
    file: &dyn DiskFile,
    segment: u32,
    mut visit: impl FnMut(Found<'_>),
) -> io::Result<()> {
    let all = Walk { segment, from: 0, ends_with_zeros: false };
    walk(file, all, |found| {
        visit(found);
        ControlFlow::Continue(())
    })
    .map(drop)
}

/// Reads a part of a segment. `visit` sees everything once, in order, and says whether to go on.
/// Returns where it was stopped; `None` if the whole segment was read.
pub(crate) fn walk(
    file: &dyn DiskFile,
    what: Walk,
    mut visit: impl FnMut(Found<'_>) -> ControlFlow<()>,
) -> io::Result<Option<u64>> {
    let Walk { segment, from, ends_with_zeros } = what;
    let mut window = Window::new(file, segment, WINDOW_BYTES);
    let mut offset = from.next_multiple_of(ALIGN as u64);
    loop {
        let end = if let Some((head, body)) = window.entry(offset)? {
            // `entry` answers only where the offset fits.
            let position = Position { segment, offset: offset as u32 };
            let end = offset + head.entry_len() as u64;
            (visit(Found::Entry { position, head, body }), end)
        } else if ends_with_zeros && window.bytes(offset, ALIGN)?.iter().all(|byte| *byte == 0) {
            return Ok(None);
        } else {
            match next_entry(&mut window, offset)? {
                // Zeros between entries are what is left of those that nobody needed any more.
                Next::At { next, dirty: false } => (ControlFlow::Continue(()), next),
                Next::At { next, dirty: true } => (visit(Found::Damage(offset..next)), next),
                Next::None { bytes_end } => {
                    // Nothing is left to go on with.
                    let _ = visit(Found::Tail(offset..bytes_end.max(offset)));
                    return Ok(None);
                }
            }
        };
        match end {
            (ControlFlow::Continue(()), end) => offset = end,
            (ControlFlow::Break(()), end) => return Ok(Some(end)),
        }
    }
}

enum Next {
    /// The next whole entry, and whether anything but zeros lies before it.
    At {
        next: u64,
        dirty: bool,
    },
    None {
        bytes_end: u64,
    },
}

fn next_entry(window: &mut Window<'_>, from: u64) -> io::Result<Next> {
    let mut offset = from;
    let mut bytes_end = from;
    loop {
        let chunk = window.bytes(offset, CHUNK_BYTES)?;
        if chunk.is_empty() {
            return Ok(Next::None { bytes_end });
        }
        let len = chunk.len() as u64;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            let last = offset + last as u64 + 1;
            let first = chunk.iter().position(|byte| *byte != 0).unwrap_or_default();
            // Words that hold anything: the first of them, and where entries seem to begin.
            let word = |at: usize| offset + (at / ALIGN * ALIGN) as u64;
            let starts = |(_, word): &(usize, &[u8])| word.starts_with(&MAGIC);
            let words = chunk.chunks(ALIGN).enumerate().filter(starts);
            let candidates: Vec<u64> = words.map(|(at, _)| word(at * ALIGN)).collect();
            let first = word(first);
            for candidate in candidates.into_iter().filter(|candidate| *candidate > from) {
                if window.entry(candidate)?.is_some() {
                    let dirty = bytes_end > from || first < candidate;
                    return Ok(Next::At { next: candidate, dirty });
                }
            }
            bytes_end = last;
        }
        offset += len;
    }
}

const WINDOW_BYTES: usize = 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
const _: () = assert!(CHUNK_BYTES.is_multiple_of(ALIGN));
