//! A look at a data folder: whatever is changed is kept in memory, and the disk below is never
//! touched. So start-up and repair can be tried on a folder without changing a byte of it.
//!
//! Files of the disk below can be cut, renamed and removed here, but not written into: nothing
//! that is tried writes into the middle of a file. Of files in the quarantine only the length is
//! kept: they may be large, and nobody reads them here.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};
use crate::quarantine;

/// A look at a disk.
#[derive(Clone)]
pub(crate) struct Overlay {
    below: Arc<dyn Disk>,
    changes: Arc<Mutex<BTreeMap<String, Change>>>,
}

/// What is otherwise than below.
#[derive(Clone)]
enum Change {
    Removed,
    Made(Arc<Made>),
    /// The file of that name below, perhaps cut.
    Below {
        name: String,
        len: Option<u64>,
    },
}

impl Overlay {
    pub(crate) fn new(below: Arc<dyn Disk>) -> Self {
        Self { below, changes: Arc::default() }
    }

    fn change(&self, name: &str) -> Option<Change> {
        self.lock().get(name).cloned()
    }

    fn is_there(&self, name: &str) -> io::Result<bool> {
        match self.open(name) {
            Ok(_) => Ok(true),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Change>> {
        // No code panics with the lock held; if one did, the names are whole all the same.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for Overlay {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = self.below.list(folder)?;
        let changes = self.lock();
        let path = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        names.retain(|name| !changes.contains_key(&path(name)));
        let there = changes.iter().filter(|(_, change)| !matches!(change, Change::Removed));
        names.extend(there.filter_map(|(name, _)| {
            let (of, name) = name.rsplit_once('/').unwrap_or(("", name));
            (of == folder).then(|| name.to_owned())
        }));
        Ok(names)
    }

    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        if self.is_there(name)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = match name.split_once('/') {
            Some((quarantine::FOLDER, _)) => Content::Length(0),
            _ => Content::Bytes(Vec::new()),
        };
        let file = Arc::new(Made(Mutex::new(content)));
        file.reserve(room)?;
        self.lock().insert(name.to_owned(), Change::Made(Arc::clone(&file)));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let below = match self.change(name) {
            Some(Change::Removed) => return Err(io::ErrorKind::NotFound.into()),
            Some(Change::Made(file)) => return Ok(file),
            Some(Change::Below { name, .. }) => self.below.open(&name)?,
            None => self.below.open(name)?,
        };
        Ok(Arc::new(Seen { overlay: self.clone(), name: name.to_owned(), below }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if !self.is_there(name)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.lock().insert(name.to_owned(), Change::Removed);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if !self.is_there(from)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut changes = self.lock();
        let moved = changes.insert(from.to_owned(), Change::Removed);
        let below = || Change::Below { name: from.to_owned(), len: None };
        changes.insert(to.to_owned(), moved.unwrap_or_else(below));
        Ok(())
    }

    fn sync_folder(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.below.free_bytes()
    }
}

/// A file of the disk below.
struct Seen {
    overlay: Overlay,
    name: String,
    below: Arc<dyn DiskFile>,
}

impl DiskFile for Seen {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let want = into.len().min(left);
        self.below.read_at(into.get_mut(..want).unwrap_or_default(), offset)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn reserve(&self, _room: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = Some(len.min(self.len()?));
        let mut changes = self.overlay.lock();
        let name = match changes.get(&self.name) {
            Some(Change::Below { name, .. }) => name.clone(),
            _ => self.name.clone(),
        };
        changes.insert(self.name.clone(), Change::Below { name, len });
        Ok(())
    }

    fn punch(&self, _range: Range<u64>) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn space(&self) -> io::Result<u64> {
        self.below.space()
    }

    fn len(&self) -> io::Result<u64> {
        match self.overlay.change(&self.name) {
            Some(Change::Below { len: Some(len), .. }) => Ok(len),
            _ => self.below.len(),
        }
    }

    fn evict(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is only here.
struct Made(Mutex<Content>);

enum Content {
    Bytes(Vec<u8>),
    Length(u64),
}

impl Made {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Length(len) => *len,
        }
    }

    fn resize(&mut self, to: u64) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => bytes.resize(usize::try_from(to).map_err(io::Error::other)?, 0),
            Self::Length(len) => *len = to,
        }
        Ok(())
    }
}

impl DiskFile for Made {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let Content::Bytes(bytes) = &*self.lock() else { return Ok(0) };
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let rest = bytes.get(from..).unwrap_or_default();
        let count = rest.len().min(into.len());
        let (into, rest) = (into.get_mut(..count), rest.get(..count));
        into.unwrap_or_default().copy_from_slice(rest.unwrap_or_default());
        Ok(count)
    }

    fn write_at(&self, new: &[u8], offset: u64) -> io::Result<()> {
        let mut content = self.lock();
        let end = offset.saturating_add(new.len() as u64);
        let len = content.len().max(end);
        content.resize(len)?;
        if let Content::Bytes(bytes) = &mut *content {
            let range = usize::try_from(offset).map_err(io::Error::other)?;
            let into = bytes.get_mut(range..).and_then(|rest| rest.get_mut(..new.len()));
            into.unwrap_or_default().copy_from_slice(new);
        }
        Ok(())
    }

    fn reserve(&self, room: u64) -> io::Result<()> {
        let mut content = self.lock();
        let len = content.len().max(room);
        content.resize(len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().resize(len)
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let zeros = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
        self.write_at(&zeros, range.start)
    }

    fn space(&self) -> io::Result<u64> {
        self.len()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len())
    }

    fn evict(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::simulated::SimulatedDisk;

    #[test]
    fn what_is_changed_shows_in_the_look_and_nowhere_else() {
        let disk = SimulatedDisk::new();
        for name in ["one", "two", "log/three"] {
            disk.create(name, 0).unwrap().write_at(b"0123456789", 0).unwrap();
        }
        let (steps, look) = (disk.steps(), Overlay::new(Arc::new(disk.clone())));
        look.open("one").unwrap().set_len(4).unwrap();
        look.remove("two").unwrap();
        (&look as &dyn Disk).replace("log", "four", b"new").unwrap();
        look.rename("log/three", "log/five").unwrap();
        look.open("log/five").unwrap().set_len(2).unwrap();
        let read = |name| (&look as &dyn Disk).read(name).unwrap();
        assert_eq!(read("one").unwrap(), b"0123");
        assert_eq!(read("two"), None);
        assert_eq!(read("log/four").unwrap(), b"new");
        assert_eq!((read("log/five").unwrap(), read("log/three")), (b"01".to_vec(), None));
        let mut names = look.list("log").unwrap();
        names.sort();
        assert_eq!(
            (look.list("").unwrap(), names),
            (vec!["one".into()], vec!["five".into(), "four".into()])
        );
        assert_eq!(look.create("one", 0).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(disk.steps(), steps, "nothing was changed below");
        assert_eq!(disk.bytes_of("log/three"), b"0123456789");
    }

    #[test]
    fn of_what_is_set_aside_only_the_length_is_kept() {
        let look = Overlay::new(Arc::new(SimulatedDisk::new()));
        let copy = look.create("quarantine/one", 0).unwrap();
        copy.write_at(&[7; 100], 50).unwrap();
        assert_eq!((copy.len().unwrap(), copy.read_at(&mut [0; 10], 60).unwrap()), (150, 0));
    }
}
