//! Reading what a data folder is, and making it what it is when it is new.
//!
//! A folder of which both copies of `format` were lost gets a new key: keys of deleted segments are
//! then no longer recognised. If there are copies and none can be read, nobody knows the version,
//! and the folder is refused: `sluicegate queue repair` makes them again. A folder that has lost
//! something is served as far as it goes, and never in silence.

use std::io;

use crate::disk::Disk;
use crate::fault::OpenFault;
use crate::format::folder::{FILES, Said, decode, encode};
use crate::format::{VERSION, VERSION_BEFORE};
use crate::recovery::numbered;

/// How many things are not there that a folder of a store always has. Each is logged.
pub(super) fn missing(disk: &dyn Disk) -> Result<u64, OpenFault> {
    let read = || -> io::Result<(bool, bool)> {
        let names = disk.list("")?;
        let told = names.iter().any(|name| FILES.contains(&name.as_str()));
        Ok((told, numbered(disk, "log", ".log")?.is_empty()))
    };
    match read().map_err(OpenFault::disk("list the data folder"))? {
        (true, true) => {
            // Or the very first start was cut short before it had made one.
            tracing::error!("no segment of the log is there: if there were events, they are lost");
            Ok(1)
        }
        (false, false) => {
            let lost = "keys of deleted segments";
            tracing::warn!(files = ?FILES, lost, "both copies are missing: they are made again");
            Ok(1)
        }
        (true, false) | (false, true) => Ok(0),
    }
}

/// The key of a folder.
pub(super) struct FolderKey {
    pub(super) key: [u8; 16],
    /// It was made just now: what is hashed with another one is of no use.
    pub(super) made: bool,
    /// Damaged copies, each made again.
    pub(super) damaged: u64,
}

/// What the copies say.
pub(crate) struct Found {
    /// The key, if a copy can be read.
    pub(crate) key: Option<[u8; 16]>,
    /// The version that a copy names; the newest, if they differ: its first opening was cut short.
    pub(crate) version: u8,
    /// How many copies are there and cannot be read.
    pub(crate) damaged: u64,
}

/// Reads both copies.
pub(crate) fn find(disk: &dyn Disk) -> Result<Found, OpenFault> {
    let mut found = Found { key: None, version: VERSION_BEFORE, damaged: 0 };
    for file in FILES {
        let Some(bytes) = disk.read(file).map_err(OpenFault::disk("read the format file"))? else {
            continue;
        };
        match decode(&bytes) {
            Said::Key(version, key) => {
                found.key = found.key.or(Some(key));
                found.version = found.version.max(version);
            }
            Said::Version(found) => return Err(version(found)),
            Said::Damaged => {
                tracing::error!(file, "format file is damaged");
                found.damaged += 1;
            }
        }
    }
    if found.key.is_none() {
        found.version = VERSION;
    }
    Ok(found)
}

/// Reads the files, or makes them.
pub(super) fn open(disk: &dyn Disk, seed: u64) -> Result<FolderKey, OpenFault> {
    let Found { key: found, version: before, damaged } = find(disk)?;
    let (key, made) = match found {
        Some(key) => (key, false),
        None if damaged > 0 => return Err(version("unknown".to_owned())),
        None => (new_key(seed), true),
    };
    if !made && before < VERSION {
        tracing::info!(from = before, to = VERSION, "data folder becomes one of a new version");
    }
    save(disk, VERSION, key).map_err(OpenFault::disk("write the format file"))?;
    Ok(FolderKey { key, made, damaged })
}

/// Makes both copies what they should be; returns those that were not.
pub(crate) fn save(disk: &dyn Disk, version: u8, key: [u8; 16]) -> io::Result<Vec<&'static str>> {
    let bytes = encode(version, key);
    let mut made = Vec::new();
    for file in FILES {
        if disk.read(file)?.as_deref() != Some(bytes.as_slice()) {
            disk.replace("", file, &bytes)?;
            made.push(file);
        }
    }
    Ok(made)
}

fn new_key(seed: u64) -> [u8; 16] {
    let key = u128::from(seed).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    (key ^ key >> 64).to_be_bytes()
}

fn version(found: String) -> OpenFault {
    OpenFault::Version { found, known: u32::from(crate::format::VERSION) }
}
