//! Reading a segment from end to end, past what is damaged.
//!
//! Where an entry should be and is none, the next whole one is looked for at every multiple of
//! eight. If there is one, what lies between is damage: it is skipped and reported. If there is
//! none, it is the tail: never finished, or never written.

use std::io;
use std::ops::Range;

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

/// Reads a segment from end to end. `visit` sees everything once, in order, the tail last.
pub(crate) fn scan(
    file: &dyn DiskFile,
    segment: u32,
    mut visit: impl FnMut(Found<'_>),
) -> io::Result<()> {
    let mut window = Window::new(file, segment, WINDOW_BYTES);
    let mut offset = 0;
    loop {
        if let Some((head, body)) = window.entry(offset)? {
            // `entry` answers only where the offset fits.
            let position = Position { segment, offset: offset as u32 };
            visit(Found::Entry { position, head, body });
            offset += head.entry_len() as u64;
            continue;
        }
        match next_entry(&mut window, offset)? {
            // Zeros between entries are what is left of those that nobody needed any more.
            Next::At { next, dirty } => {
                if dirty {
                    visit(Found::Damage(offset..next));
                }
                offset = next;
            }
            Next::None { bytes_end } => {
                visit(Found::Tail(offset..bytes_end.max(offset)));
                return Ok(());
            }
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
