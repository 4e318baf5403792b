//! The files of one source and class: what is appended, read, punched out and taken away.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::time::Timestamp;

use super::FOLDER;
use super::book::{Book, Line};
use super::bounds::RefusedBounds;
use super::words::{KeepFault, RefusedClass, RefusedDelivery, RefusedFault};
use crate::disk::{Disk, DiskFile};
use crate::format::entry::{self, ALIGN, HEADER_BYTES, Kind, Position};
use crate::format::refused::{self as format, Mark};
use crate::log::{Found, scan};
use crate::seal::{Sealer, Unsealer};

/// What every shelf works with.
pub(super) struct Tools {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sealer: Sealer,
    pub(super) unsealer: Unsealer,
}

/// What is kept of one source in one class, and its files.
pub(super) struct Shelf {
    pub(super) place: Place,
    pub(super) bounds: RefusedBounds,
    pub(super) book: Book,
    current: Option<Current>,
    next: u32,
}

/// The file that is written to.
struct Current {
    number: u32,
    file: Arc<dyn DiskFile>,
    end: u64,
    dirty: bool,
}

impl Shelf {
    /// An empty one, for a source with these bounds.
    pub(super) fn new(place: Place, bounds: RefusedBounds) -> Self {
        let bounds = bounds.of(place.class);
        Self { place, bounds, book: Book::default(), current: None, next: 1 }
    }

    /// Reads a file of before: what is whole in it is kept.
    pub(super) fn read_file(&mut self, tools: &Tools, number: u32) -> io::Result<()> {
        self.next = self.next.max(number.saturating_add(1));
        let file = tools.disk.open(&self.path(number))?;
        self.book.file_is(number, file.len()?);
        let (book, source) = (&mut self.book, &self.place.source);
        let mut scratch = Vec::new();
        scan(&*file, number, |found| match found {
            Found::Entry { position, head, body } => {
                let bytes = head.entry_len() as u64;
                let body = tools.unsealer.open(&head, body, &mut scratch).ok().flatten();
                let taken = match (head.kind, body) {
                    (Kind::Refused, Some(body)) => format::decode(body)
                        .filter(|refused| refused.delivery.source == *source)
                        .map(|refused| book.add(source, &refused, position, bytes)),
                    (Kind::Mark, Some(body)) => {
                        format::decode_mark(body).map(|mark| book.mark(&mark))
                    }
                    _ => None,
                };
                book.damaged += u64::from(taken.is_none());
            }
            Found::Damage(_) => book.damaged += 1,
            // A write that was cut short: the next file begins anew.
            Found::Tail(_) => {}
        })
    }

    /// Writes a delivery down, and takes the oldest away where a bound is reached.
    pub(super) fn keep(
        &mut self,
        tools: &Tools,
        refused: &RefusedDelivery,
        now: Timestamp,
    ) -> Result<(), KeepFault> {
        if self.bounds.events_max == 0 {
            return Err(KeepFault::NotWanted);
        }
        let mut frame = format::encode(refused);
        tools.sealer.seal(&mut frame);
        if frame.len() as u64 > self.bounds.bytes_max {
            return Err(KeepFault::NotWanted);
        }
        let position = self.append(tools, &mut frame)?;
        self.book.add(&self.place.source, refused, position, frame.len() as u64);
        self.evict(tools, now)?;
        Ok(())
    }

    /// Writes down what became of a delivery; durable when this returns.
    pub(super) fn mark(&mut self, tools: &Tools, mark: &Mark) -> Result<(), RefusedFault> {
        let mut frame = format::encode_mark(mark);
        tools.sealer.seal(&mut frame);
        self.append(tools, &mut frame)?;
        self.sync()?;
        self.book.mark(mark);
        Ok(())
    }

    /// A delivery as it came.
    pub(super) fn read(&self, tools: &Tools, id: EventId) -> Result<RefusedDelivery, RefusedFault> {
        let Line { position, kept } = self.book.find(id).ok_or(RefusedFault::Gone)?;
        let file = self.file(tools, position.segment)?;
        let mut entry = vec![0; usize::try_from(kept.bytes).map_err(io::Error::other)?];
        let filled = file.read_at(&mut entry, u64::from(position.offset))?;
        let entry = entry.get(..filled).unwrap_or_default();
        let mut scratch = Vec::new();
        let head = entry::head(entry, *position).ok_or(RefusedFault::Damaged)?;
        let body = head.body(entry).ok_or(RefusedFault::Damaged)?;
        let body = tools.unsealer.open(&head, body, &mut scratch)?;
        let refused = body.and_then(format::decode).filter(|refused| refused.id == id);
        refused.ok_or(RefusedFault::Damaged)
    }

    /// Takes a delivery away: its bytes are punched out, durably, before it is forgotten.
    pub(super) fn remove(&mut self, tools: &Tools, id: EventId) -> Result<(), RefusedFault> {
        let line = self.book.find(id).ok_or(RefusedFault::Gone)?;
        let Position { segment, offset } = line.position;
        let (from, bytes) = (u64::from(offset), line.kept.bytes);
        let file = self.file(tools, segment)?;
        file.punch(from..from + bytes)?;
        file.sync()?;
        self.book.remove(id);
        Ok(())
    }

    /// Takes away what is over a bound.
    pub(super) fn evict(&mut self, tools: &Tools, now: Timestamp) -> io::Result<()> {
        let gone = self.book.evict(&self.bounds, now);
        for number in &gone {
            if self.current.as_ref().is_some_and(|current| current.number == *number) {
                self.current = None;
            }
            tools.disk.remove(&self.path(*number))?;
        }
        if gone.is_empty() { Ok(()) } else { tools.disk.sync_folder(FOLDER) }
    }

    /// Makes what was written durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(current) = self.current.as_mut().filter(|current| current.dirty) else {
            return Ok(());
        };
        match current.file.sync() {
            Ok(()) => {
                current.dirty = false;
                Ok(())
            }
            Err(fault) => {
                // What a failed flush left in the file is not known: nothing more goes into it.
                self.current = None;
                Err(fault)
            }
        }
    }

    /// Appends an entry; where it lies.
    fn append(&mut self, tools: &Tools, frame: &mut [u8]) -> io::Result<Position> {
        let bytes = frame.len() as u64;
        debug_assert!(frame.len() >= HEADER_BYTES && frame.len().is_multiple_of(ALIGN));
        let full = self.bounds.file_bytes();
        if self.current.as_ref().is_none_or(|current| current.end + bytes > full) {
            self.begin(tools)?;
        }
        let current = self.current.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let offset = u32::try_from(current.end).map_err(io::Error::other)?;
        let position = Position { segment: current.number, offset };
        entry::seal(frame, position);
        if let Err(fault) = current.file.write_at(frame, current.end) {
            // Half of it may be there: nothing goes behind it.
            self.current = None;
            return Err(fault);
        }
        current.end += bytes;
        current.dirty = true;
        self.book.file_is(position.segment, current.end);
        Ok(position)
    }

    /// Begins a new file. What is in the one before is made durable first.
    fn begin(&mut self, tools: &Tools) -> io::Result<()> {
        self.sync()?;
        let number = self.next;
        let file = tools.disk.create(&self.path(number), 0)?;
        // Its name is durable before anything in it is said to be.
        tools.disk.sync_folder(FOLDER)?;
        self.next = number.saturating_add(1);
        self.book.file_is(number, 0);
        self.current = Some(Current { number, file, end: 0, dirty: false });
        Ok(())
    }

    fn file(&self, tools: &Tools, number: u32) -> io::Result<Arc<dyn DiskFile>> {
        match &self.current {
            Some(current) if current.number == number => Ok(Arc::clone(&current.file)),
            _ => tools.disk.open(&self.path(number)),
        }
    }

    fn path(&self, number: u32) -> String {
        let Place { source, class } = &self.place;
        format!("{FOLDER}/{source}.{number:010}{}", ending(*class))
    }
}

/// Which shelf: that of a source and a class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) source: SourceName,
    pub(super) class: RefusedClass,
}

/// The place and the number in the name of a file.
pub(super) fn parse_name(name: &str) -> Option<(Place, u32)> {
    let stem = |class| Some((class, name.strip_suffix(ending(class))?));
    let (class, stem) = RefusedClass::ALL.into_iter().find_map(stem)?;
    let (source, number) = stem.rsplit_once('.')?;
    let digits = number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| digits)?;
    Some((Place { source: source.parse().ok()?, class }, number))
}

fn ending(class: RefusedClass) -> &'static str {
    match class {
        RefusedClass::Likely => ".log",
        RefusedClass::Unsigned => ".unsigned",
    }
}
