//! The disk as it is. Holds the exclusive lock of the data folder while it lives. Every error
//! names its file: a person must know which one to look at.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, statvfs};

use super::{Disk, DiskFile};
use crate::fault::OpenFault;

/// A data folder on a real disk, locked for this process.
pub(crate) struct RealDisk {
    folder: PathBuf,
    /// Locked as long as they are open.
    _locks: [File; 2],
}

impl RealDisk {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenFault> {
        make_durable(folder).map_err(OpenFault::disk("make the data folder"))?;
        for part in ["log", "keys", "quarantine"] {
            fs::create_dir_all(folder.join(part))
                .map_err(OpenFault::disk("make the data folder"))?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(OpenFault::disk("open the lock of the data folder"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenFault::InUse),
            Err(TryLockError::Error(source)) => {
                return Err(OpenFault::Disk { doing: "lock the data folder", source });
            }
        }
        // `rm lock` must free nothing. Where a folder cannot be locked, as on NFS, the file is
        // what there is.
        let itself = File::open(folder).map_err(OpenFault::disk("open the data folder"))?;
        if let Err(TryLockError::WouldBlock) = itself.try_lock() {
            return Err(OpenFault::InUse);
        }
        let disk = Self { folder: folder.to_owned(), _locks: [lock, itself] };
        disk.sync_folder("").map_err(OpenFault::disk("sync the data folder"))?;
        Ok(disk)
    }
}

/// Makes a folder with all above it, and flushes the name of each that was missing: a power cut
/// must not take the folder itself away.
fn make_durable(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    make_durable(above)?;
    match fs::create_dir(folder) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
        _ => {}
    }
    File::open(above)?.sync_all()
}

/// The same error, with the file that it is about.
fn about(name: &str) -> impl Fn(io::Error) -> io::Error + '_ {
    let name = if name.is_empty() { "the data folder" } else { name };
    move |fault| io::Error::new(fault.kind(), format!("{name}: {fault}"))
}

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join(folder)).map_err(about(folder))? {
            // Names that are not UTF-8 are not ours.
            names.extend(entry.map_err(about(folder))?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true);
        let file = options.open(&path).map_err(about(name))?;
        if room > 0
            && let Err(fault) = fallocate(&file, FallocateFlags::empty(), 0, room)
        {
            match fault {
                rustix::io::Errno::OPNOTSUPP => {}
                // Start-up and settlements need a little room, not a whole segment's: they must
                // still work when there is no more. Commits are refused by the reserve before.
                rustix::io::Errno::NOSPC => file.set_len(0).map_err(about(name))?,
                fault => {
                    fs::remove_file(&path).map_err(about(name))?;
                    return Err(about(name)(fault.into()));
                }
            }
        }
        Ok(Arc::new(RealFile { name: name.to_owned(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(about(name))?;
        Ok(Arc::new(RealFile { name: name.to_owned(), file }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name)).map_err(about(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to)).map_err(about(to))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let opened = File::open(self.folder.join(folder)).map_err(about(folder))?;
        opened.sync_all().map_err(about(folder))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = statvfs(&self.folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

struct RealFile {
    /// Relative to the data folder.
    name: String,
    file: File,
}

impl DiskFile for RealFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Err(about(&self.name)(fault)),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset).map_err(about(&self.name))
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data().map_err(about(&self.name))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len).map_err(about(&self.name))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata().map_err(about(&self.name))?.len())
    }

    fn evict(&self) -> io::Result<()> {
        let evicted = fadvise(&self.file, 0, None, Advice::DontNeed);
        evicted.map_err(|fault| about(&self.name)(fault.into()))
    }
}
