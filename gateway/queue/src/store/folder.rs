//! The file `format` of a data folder: what the folder is, which version, and its key.
//!
//! ```text
//! sluicegate-data
//! version 1
//! key 00112233445566778899aabbccddeeff
//! ```
//!
//! The key hashes idempotency keys, so that no sender can make two that collide. A folder whose
//! `format` was lost gets a new one: keys of deleted segments are then no longer recognised.
//! A folder that has lost something is served as far as it goes, and never in silence.

use std::io;

use crate::disk::Disk;
use crate::fault::OpenFault;
use crate::recovery::numbered;

/// How many things are not there that a folder of a store always has. Each is logged.
pub(super) fn missing(disk: &dyn Disk) -> Result<u64, OpenFault> {
    let read = || -> io::Result<(bool, bool)> {
        let names = disk.list("")?;
        Ok((names.iter().any(|name| name == NAME), numbered(disk, "log", ".log")?.is_empty()))
    };
    match read().map_err(OpenFault::disk("list the data folder"))? {
        (true, true) => {
            // Or the very first start was cut short before it had made one.
            tracing::error!("no segment of the log is there: if there were events, they are lost");
            Ok(1)
        }
        (false, false) => {
            let lost = "keys of deleted segments";
            tracing::warn!(file = NAME, lost, "a file is missing: it is made again");
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
}

/// Reads the file, or makes it.
pub(super) fn open(disk: &dyn Disk, seed: u64) -> Result<FolderKey, OpenFault> {
    let found = disk.read(NAME).map_err(OpenFault::disk("read the format file"))?;
    let Some(bytes) = found else {
        let key = make(disk, seed).map_err(OpenFault::disk("make the format file"))?;
        return Ok(FolderKey { key, made: true });
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let version = match (lines.next(), lines.next()) {
        (Some(MARK), Some(line)) => line.strip_prefix("version ").unwrap_or("unknown"),
        _ => "unknown",
    };
    let key = lines.next().and_then(|line| line.strip_prefix("key ")).and_then(parse_key);
    match key {
        Some(key) if version.parse() == Ok(VERSION) => Ok(FolderKey { key, made: false }),
        _ => Err(OpenFault::Version { found: version.to_owned(), known: VERSION }),
    }
}

fn make(disk: &dyn Disk, seed: u64) -> io::Result<[u8; 16]> {
    let key = u128::from(seed).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    let key = (key ^ key >> 64).to_be_bytes();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("{MARK}\nversion {VERSION}\nkey {hex}\n");
    disk.replace("", NAME, text.as_bytes())?;
    Ok(key)
}

fn parse_key(hex: &str) -> Option<[u8; 16]> {
    let well_formed = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then(|| u128::from_str_radix(hex, 16).ok())?.map(u128::to_be_bytes)
}

const NAME: &str = "format";
const MARK: &str = "sluicegate-data";
const VERSION: u32 = crate::format::VERSION as u32;
