//! The indexes of all segments: the writer lists, owners load, a janitor saves.
//!
//! One short lock, never held while a file is read or written.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, QueueNumber, Wish};

use super::directory::Directory;
use super::draft::Draft;
use super::file::{self, Read, index_name};
use super::gather::{Loaded, gather};
use super::summary::Summary;
use crate::dedupe::KeyHash;
use crate::disk::{Disk, is_unreadable};

/// The indexes of all segments.
pub(crate) struct Indexes {
    disk: Arc<dyn Disk>,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    indexes: BTreeMap<u32, Index>,
    /// Directories of files that were read lately, the latest last.
    recent: VecDeque<Arc<Directory>>,
    /// How often an index took the place of another: a directory that was read meanwhile may be
    /// that of a file that is gone.
    turns: u64,
}

/// The index of one segment.
enum Index {
    /// It is being made.
    Draft(Draft),
    /// Nothing is added any more; its file is not written yet.
    Done(Arc<Directory>),
    /// It is in its file.
    Saved(Arc<Summary>),
}

/// What the file of an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It can be relied on; each block is checked when it is read.
    Sound,
    /// There is none.
    Missing,
    /// It is not what was written, or of another version.
    Damaged,
}

impl Indexes {
    /// No segment is known yet.
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, all: Mutex::default() }
    }

    /// A segment begins: what is listed from now on is its own. Kept in memory until it is saved.
    pub(crate) fn begin(&self, segment: u32) {
        self.adopt(Draft::new(segment));
    }

    /// Takes in the index of a segment that was scanned, in place of the one there was.
    pub(crate) fn adopt(&self, draft: Draft) {
        let segment = draft.segment();
        let mut all = self.lock();
        all.forget(segment);
        all.indexes.insert(segment, Index::Draft(draft));
    }

    /// Lists a batch at once: see [`Draft::list`]. Nothing is listed in a segment that did not
    /// begin or was saved.
    pub(crate) fn list(
        &self,
        segment: u32,
        arrivals: &[(QueueNumber, Item)],
        keys: &[(KeyHash, EventId)],
    ) {
        match self.lock().indexes.get_mut(&segment) {
            Some(Index::Draft(draft)) => draft.list(arrivals, keys),
            _ => debug_assert!(false, "segment {segment} is not one that is listed in"),
        }
    }

    /// Writes the file of a segment that is no longer written to, and lets its memory go; its
    /// summary stays. Called once the segment itself is durable: its index must not know more
    /// than it. Nothing happens if it was saved before.
    ///
    /// # Errors
    /// Those of the disk: the index stays in memory, and can be saved again. Of kind `NotFound` if
    /// the segment is not known.
    pub(crate) fn save(&self, segment: u32) -> io::Result<()> {
        let Some(directory) = self.finish(segment)? else { return Ok(()) };
        let bytes = file::encode(&directory)?;
        let name = index_name(segment);
        let name = name.strip_prefix("log/").unwrap_or_default();
        self.disk.replace("log", name, &bytes)?;
        let mut all = self.lock();
        // It may have been removed, or begun anew, meanwhile.
        if let Some(index) = all.indexes.get_mut(&segment)
            && matches!(index, Index::Done(done) if Arc::ptr_eq(done, &directory))
        {
            *index = Index::Saved(Arc::clone(&directory.summary));
        }
        Ok(())
    }

    /// Reads the directory of a segment's file; its summary is known if it is sound.
    ///
    /// # Errors
    /// Those of the disk; that the file is missing or damaged is an answer.
    pub(crate) fn open(&self, segment: u32) -> io::Result<Opened> {
        let read = match file::open(&*self.disk, segment) {
            Err(fault) if is_unreadable(&fault) => Read::Damaged,
            read => read?,
        };
        match read {
            Read::Sound(directory) => {
                let mut all = self.lock();
                all.forget(segment);
                let summary = Arc::clone(&directory.summary);
                all.indexes.insert(segment, Index::Saved(summary));
                all.remember(Arc::new(directory));
                Ok(Opened::Sound)
            }
            Read::Missing => Ok(Opened::Missing),
            Read::Damaged => Ok(Opened::Damaged),
        }
    }

    /// Arrivals of a queue as wished, from memory or file.
    ///
    /// # Errors
    /// Of kind `NotFound` if the segment is not known or its file is gone, of kind `InvalidData`
    /// if the file is no longer sound (the index is to be made again by a scan); else those of the
    /// disk. A damaged block is no error: it is passed over and counted.
    pub(crate) fn load(&self, queue: QueueNumber, wish: &Wish) -> io::Result<Loaded> {
        let blocks = match self.lock().indexes.get(&wish.segment) {
            None => return Err(io::ErrorKind::NotFound.into()),
            Some(Index::Draft(draft)) => {
                Some(draft.blocks(queue, wish.priority, wish.after, wish.count))
            }
            Some(Index::Done(_) | Index::Saved(_)) => None,
        };
        if let Some(blocks) = blocks {
            return gather(&blocks, None, wish);
        }
        let directory = self.directory(wish.segment)?;
        gather(directory.blocks(queue, wish.priority), directory.file.as_deref(), wish)
    }

    /// Whether the arrivals of a segment are read without the disk.
    pub(crate) fn in_memory(&self, segment: u32) -> bool {
        matches!(self.lock().indexes.get(&segment), Some(Index::Draft(_) | Index::Done(_)))
    }

    /// What is known of a segment without reading; `None` if the segment is not known.
    pub(crate) fn summary(&self, segment: u32) -> Option<Arc<Summary>> {
        Some(match self.lock().indexes.get(&segment)? {
            Index::Draft(draft) => Arc::new(draft.summary()),
            Index::Done(directory) => Arc::clone(&directory.summary),
            Index::Saved(summary) => Arc::clone(summary),
        })
    }

    /// The idempotency keys of a segment, in the order of the log.
    ///
    /// # Errors
    /// As those of [`Self::load`]; of kind `InvalidData` if the keys are damaged.
    pub(crate) fn keys(&self, segment: u32) -> io::Result<Vec<(KeyHash, EventId)>> {
        if let Some(Index::Draft(draft)) = self.lock().indexes.get(&segment) {
            return Ok(draft.keys().to_vec());
        }
        self.directory(segment)?.keys()
    }

    /// Forgets a segment, and deletes its file.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn remove(&self, segment: u32) -> io::Result<()> {
        self.lock().forget(segment);
        match self.disk.remove(&index_name(segment)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Ends a draft. `None` if the index is in its file.
    fn finish(&self, segment: u32) -> io::Result<Option<Arc<Directory>>> {
        let mut all = self.lock();
        match all.indexes.remove(&segment) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(Index::Draft(draft)) => {
                let directory = Arc::new(draft.finish());
                all.indexes.insert(segment, Index::Done(Arc::clone(&directory)));
                Ok(Some(directory))
            }
            Some(Index::Done(directory)) => {
                all.indexes.insert(segment, Index::Done(Arc::clone(&directory)));
                Ok(Some(directory))
            }
            Some(saved @ Index::Saved(_)) => {
                all.indexes.insert(segment, saved);
                Ok(None)
            }
        }
    }

    /// The directory of an index that is not a draft.
    fn directory(&self, segment: u32) -> io::Result<Arc<Directory>> {
        let turns = {
            let mut all = self.lock();
            match all.indexes.get(&segment) {
                Some(Index::Done(directory)) => return Ok(Arc::clone(directory)),
                Some(Index::Saved(_)) => {}
                Some(Index::Draft(_)) | None => return Err(io::ErrorKind::NotFound.into()),
            }
            if let Some(directory) = all.recall(segment) {
                return Ok(directory);
            }
            all.turns
        };
        match file::open(&*self.disk, segment)? {
            Read::Sound(directory) => {
                let directory = Arc::new(directory);
                let mut all = self.lock();
                if all.turns == turns {
                    all.remember(Arc::clone(&directory));
                }
                Ok(directory)
            }
            Read::Missing => Err(io::ErrorKind::NotFound.into()),
            Read::Damaged => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // No code panics with the lock held; if one did, the index can be made again.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn recall(&mut self, segment: u32) -> Option<Arc<Directory>> {
        let at = self.recent.iter().position(|directory| directory.segment == segment)?;
        let directory = self.recent.remove(at)?;
        self.recent.push_back(Arc::clone(&directory));
        Some(directory)
    }

    fn remember(&mut self, directory: Arc<Directory>) {
        self.recent.retain(|known| known.segment != directory.segment);
        self.recent.push_back(directory);
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    fn forget(&mut self, segment: u32) {
        self.turns += 1;
        self.indexes.remove(&segment);
        self.recent.retain(|directory| directory.segment != segment);
    }
}

/// So many directories are kept in memory: a few kilobytes each, and an open file.
const RECENT_MAX: usize = 16;
