//! The `Disk` seam: everything the engine asks of a disk, so that tests can tear it.
//!
//! Names are relative to the data folder. A name that was created, renamed or removed is durable
//! after `sync_folder` of its folder, bytes after `sync` of their file; nothing is before.

mod overlay;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::io;
use std::ops::Range;
use std::sync::Arc;

pub(crate) use overlay::Overlay;
pub(crate) use real::{FolderLock, RealDisk};

/// A data folder.
pub(crate) trait Disk: Send + Sync + 'static {
    /// The names in a folder, without order; none if the folder is not there.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Makes a file that must not be there yet, with room for `room` bytes, all zeros. If there is
    /// no such room, nothing is left of it.
    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Takes a name away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of what has that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// The bytes that can still be written.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// An error of the disk, with the file that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {fault}")]
pub(crate) struct About {
    name: String,
    fault: io::Error,
}

/// The same error, with the file that it is about.
pub(crate) fn about(name: &str) -> impl Fn(io::Error) -> io::Error + '_ {
    let name = if name.is_empty() { "the data folder" } else { name };
    move |fault| io::Error::new(fault.kind(), About { name: name.to_owned(), fault })
}

/// Whether the disk could not read what was asked for (EIO): other places of it may be sound.
pub(crate) fn is_unreadable(fault: &io::Error) -> bool {
    let inner = fault.get_ref().and_then(|inner| inner.downcast_ref::<About>());
    let fault = inner.map_or(fault, |about| &about.fault);
    fault.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

impl dyn Disk {
    /// Puts a whole file in place of the one of that name. After a power cut there is the old one
    /// or the new one.
    pub(crate) fn replace(&self, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let draft = format!("{path}.new");
        match self.remove(&draft) {
            // A process before this one did not get to the end of it.
            Ok(()) => {}
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        let file = self.create(&draft, 0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        self.rename(&draft, &path)?;
        self.sync_folder(folder)
    }

    /// All of a file; `None` if it is not there. One that the disk cannot read is as good as
    /// damaged: nothing is in it.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
        let filled = match file.read_at(&mut bytes, 0) {
            Err(fault) if is_unreadable(&fault) => {
                tracing::error!(error = %fault, "a file cannot be read: it is taken for damaged");
                0
            }
            filled => filled?,
        };
        bytes.truncate(filled);
        Ok(Some(bytes))
    }
}

/// An open file. All calls work at an offset: there is no cursor.
pub(crate) trait DiskFile: Send + Sync + 'static {
    /// Reads up to `into.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all the bytes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Grows the file to `room` bytes with zeros, if it is shorter. Writes up to there need no more
    /// space of the disk.
    fn reserve(&self, room: u64) -> io::Result<()>;

    /// Makes the bytes durable, and the length that is needed to read them.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file, or grows it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Turns bytes into zeros, and gives their space back where the filesystem can. The length of
    /// the file stays.
    fn punch(&self, range: Range<u64>) -> io::Result<()>;

    /// The bytes that the file takes on the disk.
    fn space(&self) -> io::Result<u64>;

    /// The length of the file.
    fn len(&self) -> io::Result<u64>;

    /// Makes the next reads come from the disk, not from a cache that may hold what a failed
    /// flush never wrote.
    fn evict(&self) -> io::Result<()>;
}
