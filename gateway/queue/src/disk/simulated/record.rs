//! What was done to a disk, so that one run of a workload gives the disk at every step of it.

use super::steps::{File, FileStep, NameStep};
use super::{SimulatedDisk, State};

/// One thing that was done.
#[derive(Clone)]
pub(super) enum Deed {
    Made { room: u64 },
    Named(String, NameStep),
    Changed(usize, FileStep),
    Reserved(usize, u64),
    Synced(usize),
    SyncedFolder(String),
}

/// A disk that is taken through what was done to another.
pub(crate) struct Replay {
    deeds: std::vec::IntoIter<(u64, Deed)>,
    disk: State,
}

impl SimulatedDisk {
    /// Writes down everything that is done from now on. Nothing was done before.
    pub(crate) fn record(&self) {
        self.lock().deeds = Some(Vec::new());
    }

    /// A disk that is to be taken through all that was written down.
    pub(crate) fn replay(&self) -> Replay {
        let deeds = self.lock().deeds.clone().unwrap_or_default();
        Replay { deeds: deeds.into_iter(), disk: State::default() }
    }
}

impl Replay {
    /// Does the next thing; returns the number of its step. `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let (step, deed) = self.deeds.next()?;
        self.disk.perform(deed);
        Some(step)
    }

    /// The disk, if the power went off now.
    pub(crate) fn cut(&self, seed: u64) -> SimulatedDisk {
        self.disk.after_power_cut(seed)
    }
}

impl State {
    pub(super) fn note(&mut self, deed: impl FnOnce() -> Deed) {
        let step = self.steps;
        if let Some(deeds) = &mut self.deeds {
            deeds.push((step, deed()));
        }
    }

    /// Does what was done to another disk, which nothing kept from it.
    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Made { room } => self.files.push(File { room, ..File::default() }),
            Deed::Named(folder, step) => {
                step.apply(&mut self.names);
                self.pending_names.push((folder, step));
            }
            Deed::Changed(id, step) => {
                let file = &mut self.files[id];
                if matches!(step, FileStep::SetLen(_)) {
                    file.room = 0;
                }
                step.apply(&mut file.cached);
                file.pending.push(step);
            }
            Deed::Reserved(id, room) => self.files[id].room = self.files[id].room.max(room),
            Deed::Synced(id) => self.files[id].flush(),
            Deed::SyncedFolder(folder) => self.flush_names(&folder),
        }
    }
}
