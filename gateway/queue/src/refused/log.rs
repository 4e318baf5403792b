//! All refused deliveries of a data folder.
//!
//! One lock: whoever keeps, lists or marks waits for the disk of the other. Nobody of the line
//! comes here; the hall has a thread for it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::time::Timestamp;

use super::FOLDER;
use super::bounds::{RefusedBounds, RefusedUsage};
use super::shelf::{Place, Shelf, Tools, parse_name};
use super::words::{
    KeepFault, Kept, RefusedClass, RefusedDelivery, RefusedFault, RefusedQuery, RefusedStanding,
};
use crate::disk::{Disk, FolderLock};
use crate::format::refused::{Mark, What};
use crate::seal::{Sealer, Unsealer};

/// The refused deliveries of a data folder. Holds the folder as long as it is there.
pub struct RefusedLog {
    tools: Tools,
    shelves: Mutex<BTreeMap<Place, Shelf>>,
    _lock: Option<Arc<FolderLock>>,
}

impl RefusedLog {
    /// Reads what is there. A file that cannot be read is passed over and said.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        lock: Option<Arc<FolderLock>>,
        (sealer, unsealer): (Sealer, Unsealer),
        bounds: BTreeMap<SourceName, RefusedBounds>,
        now: Timestamp,
    ) -> io::Result<Self> {
        let tools = Tools { disk, sealer, unsealer };
        let mut shelves = BTreeMap::new();
        for (source, bounds) in bounds {
            for class in RefusedClass::ALL {
                let place = Place { source: source.clone(), class };
                shelves.insert(place.clone(), Shelf::new(place, bounds));
            }
        }
        let names = tools.disk.list(FOLDER)?;
        let mut files: Vec<_> = names.iter().filter_map(|name| parse_name(name)).collect();
        files.sort_unstable();
        for (place, number) in files {
            let left = || Shelf::new(place.clone(), RefusedBounds::default());
            let shelf = shelves.entry(place.clone()).or_insert_with(left);
            if let Err(error) = shelf.read_file(&tools, number) {
                let source = &place.source;
                tracing::error!(%source, number, %error, "refused deliveries cannot be read");
                shelf.book.damaged += 1;
            }
        }
        for shelf in shelves.values_mut() {
            if shelf.book.damaged > 0 {
                let (source, damaged) = (&shelf.place.source, shelf.book.damaged);
                tracing::warn!(%source, damaged, "refused deliveries are damaged: passed over");
            }
            shelf.evict(&tools, now)?;
        }
        Ok(Self { tools, shelves: Mutex::new(shelves), _lock: lock })
    }

    /// Keeps a delivery. It is durable after the next [`flush`](Self::flush), and survives the end
    /// of the process from now on. `free_bytes_min`: below so much free space nothing is kept.
    ///
    /// # Errors
    /// When its source keeps none, there is too little space, or the disk fails.
    pub fn keep(
        &self,
        refused: &RefusedDelivery,
        class: RefusedClass,
        free_bytes_min: u64,
        now: Timestamp,
    ) -> Result<(), KeepFault> {
        let mut shelves = self.lock();
        let place = Place { source: refused.delivery.source.clone(), class };
        let shelf = shelves.get_mut(&place).ok_or(KeepFault::NotWanted)?;
        if self.tools.disk.free_bytes()? < free_bytes_min {
            return Err(KeepFault::DiskFull);
        }
        shelf.keep(&self.tools, refused, now)
    }

    /// Those that are asked for, in the order of their ids, and whether there are more.
    #[must_use]
    pub fn list(&self, query: &RefusedQuery) -> (Vec<Kept>, bool) {
        let shelves = self.lock();
        let asked = shelves.values().filter(|shelf| {
            query.source.as_ref().is_none_or(|source| *source == shelf.place.source)
        });
        let mut all: Vec<Kept> = Vec::new();
        for shelf in asked {
            let wanted = shelf.book.after(query.after).filter(|one| query.wants(one));
            all.extend(wanted.take(query.limit.saturating_add(1)).cloned());
        }
        all.sort_by_key(|one| one.id);
        let more = all.len() > query.limit;
        all.truncate(query.limit);
        (all, more)
    }

    /// One, whole, with where it stands.
    ///
    /// # Errors
    /// When it is gone, damaged, or the disk fails.
    pub fn read(&self, id: EventId) -> Result<(RefusedDelivery, RefusedStanding), RefusedFault> {
        self.with(id, |shelf, tools, standing| Ok((shelf.read(tools, id)?, standing)))
    }

    /// Notes, durably, that the release of a delivery begins. The caller commits after this, and
    /// says how it ended. One whose release was begun before and not ended is refused unless it
    /// began at or after `doubt_since`: then it may still be told from a repetition.
    ///
    /// # Errors
    /// When it is gone, was released, is in doubt, or the disk fails.
    pub fn begin_release(
        &self,
        id: EventId,
        doubt_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), RefusedFault> {
        self.with(id, |shelf, tools, standing| match standing {
            RefusedStanding::Released(event) => Err(RefusedFault::Released(event)),
            RefusedStanding::Releasing(since) if since < doubt_since => {
                Err(RefusedFault::Releasing(since))
            }
            // The time of the first beginning counts: that is when a commit may have been made.
            RefusedStanding::Releasing(_) => Ok(()),
            RefusedStanding::Kept => {
                shelf.mark(tools, &Mark { id, at: now, what: What::Releasing })
            }
        })
    }

    /// Notes, durably, that a delivery became this event, or repeats it.
    ///
    /// # Errors
    /// When it is gone, or the disk fails.
    pub fn released(&self, id: EventId, as_: EventId, at: Timestamp) -> Result<(), RefusedFault> {
        self.end(id, What::Released(as_), at)
    }

    /// Notes, durably, that a delivery did not become an event: its release was refused.
    ///
    /// # Errors
    /// When it is gone, or the disk fails.
    pub fn held(&self, id: EventId, at: Timestamp) -> Result<(), RefusedFault> {
        self.end(id, What::Held, at)
    }

    fn end(&self, id: EventId, what: What, at: Timestamp) -> Result<(), RefusedFault> {
        self.with(id, |shelf, tools, _| shelf.mark(tools, &Mark { id, at, what }))
    }

    /// Takes one away for good: its bytes are gone from the disk.
    ///
    /// # Errors
    /// When it is not there, or the disk fails.
    pub fn remove(&self, id: EventId) -> Result<(), RefusedFault> {
        self.with(id, |shelf, tools, _| shelf.remove(tools, id))
    }

    /// Takes away what is too old, and makes what was kept durable.
    ///
    /// # Errors
    /// Those of the disk. What was not made durable may be lost by a power cut.
    pub fn flush(&self, now: Timestamp) -> io::Result<()> {
        let mut shelves = self.lock();
        for shelf in shelves.values_mut() {
            shelf.evict(&self.tools, now)?;
            shelf.sync()?;
        }
        Ok(())
    }

    /// What is kept of each source.
    #[must_use]
    pub fn usage(&self) -> Vec<(SourceName, RefusedUsage)> {
        let mut all: BTreeMap<SourceName, RefusedUsage> = BTreeMap::new();
        for (place, shelf) in &*self.lock() {
            shelf.book.add_usage(place.class, all.entry(place.source.clone()).or_default());
        }
        all.into_iter().collect()
    }

    /// Whether what is kept is sealed.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.tools.sealer.data_key().is_some()
    }

    /// Does something with the shelf on which one lies.
    fn with<T>(
        &self,
        id: EventId,
        act: impl FnOnce(&mut Shelf, &Tools, RefusedStanding) -> Result<T, RefusedFault>,
    ) -> Result<T, RefusedFault> {
        let mut shelves = self.lock();
        let found = shelves.values_mut().find_map(|shelf| {
            let standing = shelf.book.find(id)?.kept.standing;
            Some((shelf, standing))
        });
        let (shelf, standing) = found.ok_or(RefusedFault::Gone)?;
        act(shelf, &self.tools, standing)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Shelf>> {
        // No code panics with the lock held; if one did, the lists are whole all the same.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for RefusedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefusedLog").finish_non_exhaustive()
    }
}
