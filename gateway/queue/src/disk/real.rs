//! The disk as it is. Holds the exclusive lock of the data folder while it lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, statvfs};

use super::{Disk, DiskFile};
use crate::fault::OpenFault;

/// A data folder on a real disk, locked for this process.
pub(crate) struct RealDisk {
    folder: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl RealDisk {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenFault> {
        make_durable(folder).map_err(OpenFault::disk("make the data folder"))?;
        for part in ["log", "keys", "checkpoints", "quarantine"] {
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
        let disk = Self { folder: folder.to_owned(), _lock: lock };
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

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let entries = match fs::read_dir(self.folder.join(folder)) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(names),
            Err(fault) => return Err(fault),
        };
        for entry in entries {
            // Names that are not UTF-8 are not ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        if room > 0
            && let Err(fault) = fallocate(&file, FallocateFlags::empty(), 0, room)
        {
            match fault {
                rustix::io::Errno::OPNOTSUPP => {}
                // Start-up and settlements need a little room, not a whole segment's: they must
                // still work when there is no more. Commits are refused by the reserve before.
                rustix::io::Errno::NOSPC => file.set_len(0)?,
                fault => {
                    fs::remove_file(&path)?;
                    return Err(fault.into());
                }
            }
        }
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.folder.join(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.folder.join(folder))?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = statvfs(&self.folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

struct RealFile(File);

impl RealFile {
    /// Less than two blocks: what lies beside what is kept.
    fn zero(&self, range: Range<u64>) -> io::Result<()> {
        let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        self.0.write_all_at(&vec![0; len], range.start)
    }
}

/// The unit in which filesystems give space back.
const BLOCK_BYTES: u64 = 4096;

impl DiskFile for RealFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let whole = range.start.next_multiple_of(BLOCK_BYTES)..range.end / BLOCK_BYTES * BLOCK_BYTES;
        if whole.is_empty() {
            return self.zero(range);
        }
        self.zero(range.start..whole.start)?;
        self.zero(whole.end..range.end)?;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(fallocate(&self.0, flags, whole.start, whole.end - whole.start)?)
    }

    fn space(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.blocks().saturating_mul(512))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn evict(&self) -> io::Result<()> {
        Ok(fadvise(&self.0, 0, None, Advice::DontNeed)?)
    }
}
