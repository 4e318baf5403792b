//! The settings in the data folder: read when the store is opened, replaced when an operator sets
//! something. `format/settings.rs` has their shape.
//!
//! IMPORTANT: settings that cannot be read may have held a legal hold. Then every queue is held,
//! and nothing is deleted, until an operator lifts the hold of each queue that needs none. Queues
//! that were made while the store ran keep their events, as queues that nobody configures do.

use std::collections::BTreeMap;
use std::io;

use crate::disk::Disk;
use crate::format::settings::{self, FILES, Settings};

/// What is in the folder.
#[derive(Debug)]
pub(super) struct Found {
    /// The settings; `None` if there were some, and none of them can be read.
    pub(super) settings: Option<Settings>,
    /// Damaged files, each set aside.
    pub(super) damaged: u64,
}

/// Reads the settings. The file is newer than its copy, where they differ.
pub(super) fn read(disk: &dyn Disk) -> io::Result<Found> {
    let mut found = Found { settings: None, damaged: 0 };
    let (mut missing, mut bytes_of) = (0, BTreeMap::new());
    for file in FILES {
        let Some(bytes) = disk.read(file)? else {
            missing += 1;
            continue;
        };
        match settings::decode(&bytes) {
            Some(settings) => found.settings = found.settings.or(Some(settings)),
            None => {
                tracing::error!(file, "settings are damaged: set aside");
                set_aside(disk, file, &bytes)?;
                found.damaged += 1;
            }
        }
        bytes_of.insert(file, bytes);
    }
    if missing == FILES.len() {
        found.settings = Some(Settings::default());
    } else if let Some(settings) = &found.settings {
        let bytes = settings::encode(settings);
        for file in FILES.into_iter().filter(|file| bytes_of.get(file) != Some(&bytes)) {
            disk.replace("", file, &bytes)?;
        }
    }
    Ok(found)
}

/// Puts settings in place of those in the folder. They are durable when this returns.
pub(super) fn save(disk: &dyn Disk, settings: &Settings) -> io::Result<()> {
    let bytes = settings::encode(settings);
    FILES.into_iter().try_for_each(|file| disk.replace("", file, &bytes))
}

/// Copies what is damaged aside, for a person to look at.
fn set_aside(disk: &dyn Disk, file: &str, bytes: &[u8]) -> io::Result<()> {
    disk.replace("quarantine", &format!("{file}.bin"), bytes)
}
