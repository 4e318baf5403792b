//! Setting damage aside: the bytes are copied into `data/quarantine`, so that a person can look at
//! them. They stay in the log, where every reader passes them over.
//!
//! A copy has its name only once it is whole: one that a crash cut short is made again.

use std::io;
use std::ops::Range;

use crate::disk::{Disk, DiskFile};
use crate::log::says_full;

/// The folder.
pub(crate) const FOLDER: &str = "quarantine";

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is there now.
    Made,
    /// It was there before.
    Known,
    /// The disk has no room for it. The bytes are still where they were.
    NoRoom,
}

/// The name of the copy of a part of a segment.
pub(crate) fn copy_name(segment: u32, offset: u64) -> String {
    format!("{segment:010}-{offset:010}.bin")
}

/// Copies a part of a segment aside, once. It is durable when this returns.
///
/// # Errors
/// Those of the disk; that it is full is an answer.
pub(crate) fn copy(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    segment: u32,
    range: Range<u64>,
) -> io::Result<Copied> {
    let path = format!("{FOLDER}/{}", copy_name(segment, range.start));
    match disk.open(&path) {
        Ok(copy) if copy.len()? == range.end - range.start => return Ok(Copied::Known),
        // A process of an older version did not get to the end of it.
        Ok(_) => disk.remove(&path)?,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    let draft = format!("{path}.new");
    match write(disk, &draft, file, range) {
        Ok(()) => {}
        Err(fault) if says_full(&fault) => {
            remove(disk, &draft)?;
            return Ok(Copied::NoRoom);
        }
        Err(fault) => return Err(fault),
    }
    disk.rename(&draft, &path)?;
    disk.sync_folder(FOLDER)?;
    Ok(Copied::Made)
}

fn write(disk: &dyn Disk, draft: &str, file: &dyn DiskFile, range: Range<u64>) -> io::Result<()> {
    remove(disk, draft)?;
    let copy = disk.create(draft, 0)?;
    let mut bytes = vec![0; COPY_BYTES];
    let mut offset = range.start;
    while offset < range.end {
        let rest = usize::try_from(range.end - offset).unwrap_or(COPY_BYTES);
        let into = bytes.get_mut(..rest.min(COPY_BYTES)).unwrap_or_default();
        let filled = file.read_at(into, offset)?;
        if filled == 0 {
            break;
        }
        copy.write_at(into.get(..filled).unwrap_or_default(), offset - range.start)?;
        offset += filled as u64;
    }
    copy.sync()
}

/// Moves a whole file here, under its own name, or that and a number if there is one of that name.
///
/// # Errors
/// Those of the disk.
pub(crate) fn move_here(disk: &dyn Disk, path: &str) -> io::Result<()> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let taken = disk.list(FOLDER)?;
    let names = (2_u32..).map(|number| format!("{name}.{number}"));
    let free = std::iter::once(name.to_owned()).chain(names).find(|name| !taken.contains(name));
    disk.rename(path, &format!("{FOLDER}/{}", free.unwrap_or_default()))?;
    disk.sync_folder(FOLDER)?;
    disk.sync_folder(folder)
}

/// Takes a name away, if it is there.
pub(crate) fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

const COPY_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::simulated::SimulatedDisk;

    fn segment(disk: &dyn Disk) -> std::sync::Arc<dyn DiskFile> {
        let file = disk.create("log/0000000003.log", 0).unwrap();
        file.write_at(&(0..200).collect::<Vec<u8>>(), 0).unwrap();
        file
    }

    #[test]
    fn a_copy_is_made_once_and_a_short_one_again() {
        let disk = SimulatedDisk::new();
        let file = segment(&disk);
        let path = "quarantine/0000000003-0000000016.bin";
        disk.create(path, 0).unwrap().write_at(&[16, 17], 0).unwrap();
        assert_eq!(copy(&disk, &*file, 3, 16..40).unwrap(), Copied::Made);
        assert_eq!(disk.bytes_of(path), (16..40).collect::<Vec<u8>>());
        assert_eq!(copy(&disk, &*file, 3, 16..40).unwrap(), Copied::Known);
        assert_eq!(disk.list(FOLDER).unwrap(), ["0000000003-0000000016.bin"]);
    }

    #[test]
    fn a_power_cut_at_any_step_leaves_no_copy_or_a_whole_one() {
        for step in 1.. {
            let disk = SimulatedDisk::new();
            let file = segment(&disk);
            disk.die_at(disk.steps() + step);
            let done = copy(&disk, &*file, 3, 8..160);
            for seed in 0..16 {
                let after = disk.after_power_cut(seed);
                let path = "quarantine/0000000003-0000000008.bin";
                if after.list(FOLDER).unwrap().iter().any(|name| !name.ends_with(".new")) {
                    let whole: Vec<u8> = (8..160).collect();
                    assert_eq!(after.bytes_of(path), whole, "step {step}, seed {seed}");
                } else {
                    assert!(done.is_err(), "step {step}, seed {seed}");
                }
            }
            if done.is_ok() {
                return;
            }
        }
    }

    #[test]
    fn a_full_disk_leaves_no_draft_and_is_no_fault() {
        let disk = SimulatedDisk::new();
        let file = segment(&disk);
        disk.leave_room(10);
        assert_eq!(copy(&disk, &*file, 3, 0..100).unwrap(), Copied::NoRoom);
        assert!(disk.list(FOLDER).unwrap().is_empty());
    }
}
