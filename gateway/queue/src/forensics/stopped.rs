//! A data folder that no gateway has open: locked, and either looked at or repaired.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Clock;

use crate::disk::{Disk, FolderLock, Overlay, RealDisk};
use crate::fault::OpenFault;
use crate::recovery::{self, Recovered, Terms, Trust};
use crate::seal::{Encryption, Unsealer, unlock};
use crate::store::folder;

/// With what a folder is looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// The keys of a sealed folder. Without them everything is checked that needs none.
    pub encryption: Option<Encryption>,
    /// What time it is: for delays and ages.
    pub clock: Clock,
}

/// A folder that no gateway has open.
pub(crate) struct Stopped {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) unsealer: Unsealer,
    /// Why sealed entries cannot be opened, if they cannot.
    pub(super) locked: Option<OpenFault>,
    /// The key of the folder; zeros if no copy of it can be read.
    pub(super) folder_key: Option<[u8; 16]>,
    /// The version of the folder.
    pub(super) version: u8,
    /// What recovery may rely on.
    pub(super) trust: Trust,
    pub(super) clock: Clock,
    _lock: Option<FolderLock>,
}

impl Stopped {
    /// To be looked at: nothing on the disk is changed, whatever is done.
    pub(super) fn look(folder: &Path, options: &Options) -> Result<Self, OpenFault> {
        let (disk, lock) = RealDisk::look(folder)?;
        Self::on(Arc::new(Overlay::new(Arc::new(disk))), options, Some(lock))
    }

    /// To be repaired.
    pub(super) fn change(folder: &Path, options: &Options) -> Result<Self, OpenFault> {
        // What is not there is not made.
        drop(RealDisk::look(folder)?);
        let (disk, lock) = RealDisk::open(folder)?;
        Self::on(Arc::new(disk), options, Some(lock))
    }

    pub(crate) fn on(
        disk: Arc<dyn Disk>,
        options: &Options,
        lock: Option<FolderLock>,
    ) -> Result<Self, OpenFault> {
        let folder::Found { key: folder_key, version, .. } = folder::find(&*disk)?;
        let clock = options.clock.clone();
        let (unsealer, locked) = match unlock(&*disk, options.encryption.as_ref(), clock.now()) {
            Ok(unlocked) => (unlocked.unsealer(), None),
            Err(
                fault @ (OpenFault::Sealed { .. }
                | OpenFault::KeyMissing { .. }
                | OpenFault::KeyringDamaged),
            ) => (Unsealer::default(), Some(fault)),
            Err(fault) => return Err(fault),
        };
        let trust = Trust::Indexes;
        Ok(Self { disk, unsealer, locked, folder_key, version, trust, clock, _lock: lock })
    }

    /// A look at this folder: what is tried on it is not seen here.
    pub(super) fn overlay(&self) -> Arc<dyn Disk> {
        Arc::new(Overlay::new(Arc::clone(&self.disk)))
    }

    /// What start-up makes of the folder, on this disk.
    pub(super) fn recover(&self, disk: &Arc<dyn Disk>) -> std::io::Result<Recovered> {
        let now = self.clock.moment();
        let mut recovered = recovery::recover(disk, self.terms())?;
        for state in &mut recovered.states {
            state.finish_replay(recovery::KEEP, now);
        }
        for number in recovered.names.len()..recovered.states.len() {
            let name = format!("recovered-{number}").parse().map_err(std::io::Error::other)?;
            recovered.names.push(name);
        }
        Ok(recovered)
    }

    fn terms(&self) -> Terms {
        Terms {
            folder_key: self.folder_key.unwrap_or_default(),
            indexes: self.trust,
            unsealer: self.unsealer.clone(),
            dedupe_window: Duration::ZERO,
            dedupe_keys_max: 0,
            now: self.clock.moment(),
        }
    }
}
