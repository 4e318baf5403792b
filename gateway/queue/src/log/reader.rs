//! Reading events back, on the thread of whoever wants them. The CRC is checked every time.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::event::Event;
use sluicegate_core::letter::Letter;
use sluicegate_core::queue::{Item, Place};
use sluicegate_core::signature::Verdict;

use super::segments::Segments;
use super::window::Window;
use crate::disk::{DiskFile, is_unreadable};
use crate::format::changes::{self, Happened};
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};
use crate::seal::Unsealer;

/// Reads events back.
#[derive(Clone)]
pub(crate) struct Reader(pub(crate) Arc<Segments>, pub(crate) Unsealer);

/// What was found at the place of an event.
#[derive(Debug)]
pub(crate) enum ReadBack {
    Event(Event, Option<Letter>),
    /// The entry is not what was written: it must not be delivered.
    Damaged,
    /// The disk cannot read it now. Another time it may.
    Unreadable(io::Error),
}

/// An event as a commit placed it.
#[derive(Debug)]
pub(crate) struct PlacedBefore {
    /// Without its payload.
    pub(crate) event: Event,
    pub(crate) weight: u32,
}

impl Reader {
    /// Reads the events of these items, in order. Neighbours are read together.
    pub(crate) fn read(&self, items: &[Item]) -> io::Result<Vec<ReadBack>> {
        let weight: usize = items.iter().map(|item| item.weight as usize + ENTRY_OVERHEAD).sum();
        let ahead = weight.clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        let mut all = Vec::with_capacity(items.len());
        let mut rest = items;
        while let Some(first) = rest.first() {
            let segment = segment_of(first);
            let count = rest.iter().take_while(|item| segment_of(item) == segment).count();
            let (here, after) = rest.split_at(count);
            match self.0.find(segment)? {
                Some(file) => {
                    let mut window = Window::new(&*file, segment, ahead);
                    for item in here {
                        all.push(match self.read_alone(&*file, &mut window, item)? {
                            ReadBack::Damaged => self.read_again(&*file, item)?,
                            read => read,
                        });
                    }
                }
                // The ledger keeps every segment that an item is in: it was taken by others.
                None => all.extend(here.iter().map(|_| ReadBack::Damaged)),
            }
            rest = after;
        }
        Ok(all)
    }

    /// The events that commits placed here, without their payloads; `None` where there is none.
    pub(crate) fn placed(&self, places: &[Place]) -> io::Result<Vec<Option<PlacedBefore>>> {
        self.commits(places, |commit, part| {
            let (event, _) = commit.event(part, |_| Bytes::new())?;
            Some(PlacedBefore { event, weight: commit.weight(part)? })
        })
    }

    /// What was proven at the door of the events that commits placed here; `None` where there is
    /// none.
    pub(crate) fn verdicts(&self, places: &[Place]) -> io::Result<Vec<Option<Verdict>>> {
        self.commits(places, |commit, _| commit.verdict())
    }

    /// What is wanted of the commit and part at each of these places.
    fn commits<T>(
        &self,
        places: &[Place],
        wanted: impl Fn(&Commit<'_>, u16) -> Option<T>,
    ) -> io::Result<Vec<Option<T>>> {
        let mut all = Vec::with_capacity(places.len());
        let mut rest = places;
        while let Some(first) = rest.first() {
            let segment = first.segment();
            let count = rest.iter().take_while(|place| place.segment() == segment).count();
            let (here, after) = rest.split_at(count);
            rest = after;
            let Some(file) = self.0.find(segment)? else {
                all.extend(here.iter().map(|_| None));
                continue;
            };
            let mut window = Window::new(&*file, segment, READ_BYTES_MAX);
            let mut scratch = Vec::new();
            for place in here {
                let offset = u64::from(Position::unpack(place.position).offset);
                let entry = window.entry(offset)?.filter(|(head, _)| head.kind == Kind::Commit);
                let body = match entry {
                    Some((head, body)) => self.1.open(&head, body, &mut scratch)?,
                    None => None,
                };
                let commit = body.and_then(Commit::decode);
                all.push(commit.and_then(|commit| wanted(&commit, place.part)));
            }
        }
        Ok(all)
    }

    /// Reads an event; if the disk cannot read it together with its neighbours, by itself.
    fn read_alone(
        &self,
        file: &dyn DiskFile,
        window: &mut Window<'_>,
        item: &Item,
    ) -> io::Result<ReadBack> {
        let read = match self.read_one(window, item) {
            Err(fault) if is_unreadable(&fault) => {
                self.read_one(&mut Window::new(file, segment_of(item), 1), item)
            }
            read => read,
        };
        match read {
            Err(fault) if is_unreadable(&fault) => Ok(ReadBack::Unreadable(fault)),
            read => read,
        }
    }

    /// Reads an event that seems to be damaged once more, from the disk and by a new handle: what
    /// the memory has kept of it may be wrong while the disk is right.
    fn read_again(&self, file: &dyn DiskFile, item: &Item) -> io::Result<ReadBack> {
        let segment = segment_of(item);
        tracing::warn!(segment, "an event seems to be damaged: it is read again from the disk");
        file.evict()?;
        self.0.close(segment);
        match self.0.find(segment)? {
            Some(file) => self.read_alone(&*file, &mut Window::new(&*file, segment, 1), item),
            None => Ok(ReadBack::Damaged),
        }
    }

    fn read_one(&self, window: &mut Window<'_>, item: &Item) -> io::Result<ReadBack> {
        let Position { offset, .. } = Position::unpack(item.event.position);
        let Some((head, body)) = window.entry(u64::from(offset))? else {
            return Ok(ReadBack::Damaged);
        };
        let mut scratch = Vec::new();
        let Some(body) = self.1.open(&head, body, &mut scratch)? else {
            return Ok(ReadBack::Damaged);
        };
        let commit = (head.kind == Kind::Commit).then(|| Commit::decode(body)).flatten();
        let event = commit.and_then(|commit| commit.event(item.event.part, Bytes::copy_from_slice));
        let Some((event, letter)) = event else { return Ok(ReadBack::Damaged) };
        Ok(match item.letter {
            Some(place) => ReadBack::Event(event, self.read_letter(place)?),
            None => ReadBack::Event(event, letter),
        })
    }

    /// The letter of a dead-lettering; `None` if it is damaged: the event is not held back for it.
    fn read_letter(&self, place: Place) -> io::Result<Option<Letter>> {
        let position = Position::unpack(place.position);
        let Some(file) = self.0.find(position.segment)? else { return Ok(None) };
        let mut window = Window::new(&*file, position.segment, READ_BYTES_MIN);
        let Some((head, body)) = window.entry(u64::from(position.offset))? else { return Ok(None) };
        let mut scratch = Vec::new();
        let Some(body) = self.1.open(&head, body, &mut scratch)? else { return Ok(None) };
        let change = changes::decode(body)
            .and_then(|changes| changes.all.into_iter().nth(usize::from(place.part)));
        Ok(match change {
            Some((_, Happened::DeadLettered(_, _, letter))) => Some(letter),
            _ => None,
        })
    }
}

/// The length of the whole entry at this position; `None` if there is no whole one.
pub(crate) fn entry_len(file: &dyn DiskFile, position: Position) -> io::Result<Option<u64>> {
    let mut window = Window::new(file, position.segment, READ_BYTES_MIN);
    let entry = window.entry(u64::from(position.offset))?;
    Ok(entry.map(|(head, _)| head.entry_len() as u64))
}

fn segment_of(item: &Item) -> u32 {
    item.event.segment()
}

/// What an entry has beside the weight of its events, about.
const ENTRY_OVERHEAD: usize = 256;
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;
