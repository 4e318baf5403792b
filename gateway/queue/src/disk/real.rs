//! The disk as it is, and the exclusive lock of the data folder. Every error names its file: a
//! person must know which one to look at.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, statvfs};

use super::{Disk, DiskFile, about};
use crate::fault::OpenFault;

/// A data folder on a real disk.
pub(crate) struct RealDisk {
    folder: PathBuf,
    access: Access,
}

/// What may be done with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadAndWrite,
    Read,
}

/// The data folder is this process's while this lives: as long as anything writes.
pub(crate) struct FolderLock {
    /// Locked as long as they are open.
    _locked: Vec<File>,
}

impl RealDisk {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn open(folder: &Path) -> Result<(Self, FolderLock), OpenFault> {
        make_durable(folder).map_err(OpenFault::disk("make the data folder"))?;
        for part in ["log", "keys", "checkpoints", "quarantine", "refused"] {
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
        let disk = Self { folder: folder.to_owned(), access: Access::ReadAndWrite };
        disk.sync_folder("").map_err(OpenFault::disk("sync the data folder"))?;
        Ok((disk, FolderLock { _locked: vec![lock, itself] }))
    }

    /// A folder that is there, to be looked at: nothing in it is made or changed. It is locked all
    /// the same, so that nobody changes it meanwhile.
    pub(crate) fn look(folder: &Path) -> Result<(Self, FolderLock), OpenFault> {
        if !["format", "log"].into_iter().any(|part| folder.join(part).exists()) {
            return Err(OpenFault::Missing);
        }
        let itself = File::open(folder).map_err(OpenFault::disk("open the data folder"))?;
        let mut locked = vec![itself];
        // A folder that was copied may have no lock.
        locked.extend(File::open(folder.join("lock")));
        for file in &locked {
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err(OpenFault::InUse);
            }
        }
        let disk = Self { folder: folder.to_owned(), access: Access::Read };
        Ok((disk, FolderLock { _locked: locked }))
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
            Err(fault) => return Err(about(folder)(fault)),
        };
        for entry in entries {
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
        let file = RealFile { name: name.to_owned(), file };
        if let Err(fault) = file.reserve(room) {
            fs::remove_file(&path).map_err(about(name))?;
            return Err(fault);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        let write = self.access == Access::ReadAndWrite;
        let file = OpenOptions::new().read(true).write(write).open(path).map_err(about(name))?;
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

impl RealFile {
    /// Writes zeros, where the file system cannot reserve room by itself.
    fn fill(&self, from: u64, to: u64) -> io::Result<()> {
        let zeros = vec![0; FILL_BYTES];
        let mut offset = from;
        while offset < to {
            let len = usize::try_from(to - offset).map_or(FILL_BYTES, |rest| rest.min(FILL_BYTES));
            self.write_at(zeros.get(..len).unwrap_or_default(), offset)?;
            offset += len as u64;
        }
        Ok(())
    }
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

    fn reserve(&self, room: u64) -> io::Result<()> {
        let len = self.len()?;
        if room <= len {
            return Ok(());
        }
        match fallocate(&self.file, FallocateFlags::empty(), 0, room) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP) => self.fill(len, room),
            Err(fault) => {
                // A part may have been reserved: it is given back.
                self.set_len(len)?;
                Err(about(&self.name)(fault.into()))
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data().map_err(about(&self.name))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len).map_err(about(&self.name))
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let whole =
            range.start.next_multiple_of(BLOCK_BYTES)..range.end / BLOCK_BYTES * BLOCK_BYTES;
        if whole.is_empty() {
            return self.fill(range.start, range.end);
        }
        self.fill(range.start, whole.start)?;
        self.fill(whole.end, range.end)?;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let punched = fallocate(&self.file, flags, whole.start, whole.end - whole.start);
        punched.map_err(|fault| about(&self.name)(fault.into()))
    }

    fn space(&self) -> io::Result<u64> {
        let metadata = self.file.metadata().map_err(about(&self.name))?;
        Ok(metadata.blocks().saturating_mul(512))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata().map_err(about(&self.name))?.len())
    }

    fn evict(&self) -> io::Result<()> {
        let evicted = fadvise(&self.file, 0, None, Advice::DontNeed);
        evicted.map_err(|fault| about(&self.name)(fault.into()))
    }
}

/// The unit in which filesystems give space back.
const BLOCK_BYTES: u64 = 4096;

const FILL_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_reads_as_zeros_and_takes_nothing_from_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, _lock) = RealDisk::open(folder.path()).unwrap();
        let file = disk.create("log/one", 5000).unwrap();
        assert_eq!(file.len().unwrap(), 5000);
        file.write_at(b"here", 100).unwrap();
        file.reserve(9000).unwrap();
        file.reserve(10).unwrap();
        let mut bytes = vec![1; 10_000];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 9000);
        assert_eq!(&bytes[100..104], b"here");
        assert_eq!(bytes[..9000].iter().filter(|byte| **byte != 0).count(), 4);
    }

    #[test]
    fn zeros_are_written_where_room_cannot_be_reserved() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create_new(folder.path().join("one")).unwrap();
        let file = RealFile { name: "one".to_owned(), file };
        file.write_at(b"here", 0).unwrap();
        let room = 2 * FILL_BYTES as u64 + 77;
        file.fill(4, room).unwrap();
        assert_eq!(file.len().unwrap(), room);
        let bytes = fs::read(folder.path().join("one")).unwrap();
        assert!(bytes.starts_with(b"here\0") && bytes[4..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_file_for_which_there_is_no_room_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, _lock) = RealDisk::open(folder.path()).unwrap();
        let room = disk.free_bytes().unwrap().saturating_mul(4).min(1 << 43);
        let Err(_) = disk.create("log/one", room) else { panic!("so much room is nowhere") };
        assert!(disk.list("log").unwrap().is_empty());
    }
}
