//! The segments, oldest first: those before the checkpoint by their indexes, the others entry by
//! entry.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::EventId;

use super::{Recovery, Trust, numbered};
use crate::dedupe::KeyHash;
use crate::format::entry::{Kind, Position};
use crate::format::keys;
use crate::index::Opened;
use crate::log::{Found, Holed, remove_unused, scan, segment_name};

/// Why a segment is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Its entries are after the checkpoint: they are taken in.
    Entries,
    /// Its index is missing or damaged: it is made again.
    Index,
}

impl Recovery<'_> {
    /// Reads all segments, and the keys of those that are deleted, in the order of their numbers:
    /// keys are remembered in the order in which they came.
    pub(super) fn read_segments(&mut self) -> io::Result<()> {
        remove_unused(self.disk)?;
        let there = numbered(self.disk, "log", ".log")?;
        let deleted = numbered(self.disk, "keys", ".keys")?;
        let mut all: Vec<u32> = there.iter().chain(&deleted).copied().collect();
        all.sort_unstable();
        all.dedup();
        let current = there.last().copied();
        self.open_widowed_indexes(&there)?;
        for number in all {
            if there.binary_search(&number).is_err() {
                self.read_keys(number)?;
            } else {
                self.read_segment(number, Some(number) == current)?;
            }
            self.out.next_segment = number.saturating_add(1);
        }
        self.out.ledger.date_moves(self.terms.now.wall);
        self.note_gaps(&there, &deleted);
        Ok(())
    }

    /// Where a segment is gone and its index is not, what the index lists and lies elsewhere, as
    /// dead letters do, is still served; and what is lost is known one by one.
    fn open_widowed_indexes(&mut self, there: &[u32]) -> io::Result<()> {
        for number in numbered(self.disk, "log", ".index")? {
            if there.binary_search(&number).is_err()
                && self.out.indexes.open(number)? == Opened::Sound
            {
                tracing::warn!(segment = number, "an index has no segment");
            }
        }
        Ok(())
    }

    /// A segment that start-up would read is never deleted: one that is not there is lost.
    fn note_gaps(&mut self, there: &[u32], deleted: &[u32]) {
        let from = (self.from >> 32) as u32;
        let here = |number: &u32| there.binary_search(number).is_ok();
        let gone = |number: &u32| deleted.binary_search(number).is_ok();
        // Only the numbers between segments that are there, and that of the checkpoint.
        let first = there.iter().copied().find(|number| *number >= from).unwrap_or(from);
        let between = there.last().map_or(0..0, |last| first..*last);
        let known = (from > 0).then_some(from);
        for number in known.into_iter().chain(between).filter(|number| !here(number)) {
            if !gone(&number) {
                self.out.ledger.add(number, 0);
            }
        }
        // What is written next must lie after all that a checkpoint knows of.
        let marks = self.marks.iter().copied().chain([self.from]).map(|mark| (mark >> 32) as u32);
        let newest = marks.chain(self.newest).max().unwrap_or(0);
        self.out.next_segment = self.out.next_segment.max(newest.saturating_add(1));
    }

    fn read_segment(&mut self, number: u32, current: bool) -> io::Result<()> {
        self.out.ledger.begin(number, self.out.keys.next());
        self.read_kept_keys(number)?;
        if number < (self.from >> 32) as u32 {
            match self.known_keys(number)? {
                Some(keys) => {
                    let bytes = self.disk.open(&segment_name(number))?.len()?;
                    self.out.segments.know(number, bytes);
                    keys.into_iter().for_each(|(key, id)| self.remember_one(number, key, id));
                }
                None => {
                    tracing::warn!(segment = number, "index is missing or damaged: made again");
                    self.read_entries(number, Reading::Index, current)?;
                }
            }
        } else {
            self.read_entries(number, Reading::Entries, current)?;
        }
        if let Some(summary) = self.out.indexes.summary(number) {
            let mut noted = summary.noted(number);
            // By a clock that was ahead it would be kept for longer than anybody asked for.
            noted.newest = noted.newest.min(self.terms.now.wall);
            self.out.ledger.noted(number, noted);
        }
        Ok(())
    }

    /// The keys that the index of a segment has; `None` if the index is missing or damaged.
    fn known_keys(&self, number: u32) -> io::Result<Option<Vec<(KeyHash, EventId)>>> {
        let trusted = self.terms.indexes == Trust::Indexes;
        if !trusted || self.out.indexes.open(number)? != Opened::Sound {
            return Ok(None);
        }
        match self.out.indexes.keys(number) {
            Ok(keys) => Ok(Some(keys)),
            Err(fault) if fault.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn read_entries(&mut self, number: u32, why: Reading, current: bool) -> io::Result<()> {
        let file = self.disk.open(&segment_name(number))?;
        if current {
            // What is read back must be what a power cut would leave: see `DiskFile::evict`.
            file.sync()?;
            file.evict()?;
        }
        self.out.indexes.begin(number);
        let mut tail = 0..0;
        let mut damage = Vec::new();
        let (unsealer, mut scratch, mut locked) = (self.terms.unsealer.clone(), Vec::new(), None);
        // Where the newest one ends must be known for certain: none of it is passed over.
        let holed = Holed::new(Arc::clone(&file), if current { 0 } else { UNREADABLE_BLOCKS_MAX });
        scan(&holed, number, |found| match found {
            Found::Entry { position, head, body } => {
                let opened = match unsealer.open(&head, body, &mut scratch) {
                    Ok(opened) => opened,
                    Err(fault) => {
                        locked.get_or_insert(fault);
                        return;
                    }
                };
                let taken = opened.and_then(|body| self.take_in(why, position, head.kind, body));
                if taken.is_none() {
                    let offset = u64::from(position.offset);
                    damage.push(offset..offset + head.entry_len() as u64);
                }
            }
            Found::Damage(range) => damage.push(range),
            Found::Tail(range) => tail = range,
        })?;
        if let Some(fault) = locked {
            return Err(fault);
        }
        for range in damage {
            self.quarantine(&holed, number, range)?;
        }
        if !tail.is_empty() {
            // Never finished, or the last entry is damaged: nothing after it tells which.
            self.quarantine(&holed, number, tail.clone())?;
        }
        if holed.is_whole() && file.len()? > tail.start {
            // What was kept ready, and was not needed.
            file.set_len(tail.start)?;
            file.sync()?;
        }
        self.out.segments.insert(number, Arc::clone(&file));
        if let Err(fault) = self.out.indexes.save(number) {
            // On a full disk it stays in memory: start-up must be able to free something.
            tracing::warn!(error = %fault, segment = number, "index cannot be saved");
        }
        Ok(())
    }

    fn take_in(&mut self, why: Reading, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
        self.out.entries += 1;
        match why {
            Reading::Entries => self.apply(position, kind, body),
            Reading::Index => self.apply_listing(position, kind, body),
        }
    }

    /// The keys of a segment that was thinned: the log and an index that is made again from it have
    /// only some of them. Of no use if they were hashed with a key that was lost.
    fn read_kept_keys(&mut self, number: u32) -> io::Result<()> {
        if self.terms.indexes == Trust::Segments {
            return Ok(());
        }
        let Some(bytes) = self.disk.read(&format!("keys/{}", keys::file_name(number)))? else {
            return Ok(());
        };
        let Some(keys) = keys::decode(&bytes) else {
            tracing::warn!(segment = number, "idempotency keys of a thinned segment are damaged");
            self.out.quarantined += 1;
            return Ok(());
        };
        keys.into_iter().for_each(|(key, id)| self.remember(number, key, id));
        self.kept.insert(number);
        self.out.key_files.push_back((number, self.out.keys.next()));
        Ok(())
    }

    /// The keys of a deleted segment.
    fn read_keys(&mut self, number: u32) -> io::Result<()> {
        let name = format!("keys/{}", keys::file_name(number));
        let bytes = self.disk.read(&name)?.unwrap_or_default();
        let now = self.terms.now.wall;
        match keys::decode(&bytes) {
            Some(keys) => keys.into_iter().for_each(|(key, id)| self.out.keys.insert(key, id, now)),
            None => {
                tracing::warn!(file = name, "idempotency keys are damaged: set aside");
                self.out.quarantined += 1;
            }
        }
        self.out.key_files.push_back((number, self.out.keys.next()));
        Ok(())
    }
}

/// So many unreadable blocks of one segment are passed over; with more, the disk is looked at
/// before anything is given up.
const UNREADABLE_BLOCKS_MAX: usize = 64;
