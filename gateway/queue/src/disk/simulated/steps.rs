//! What was done to a simulated disk and is not durable yet, and what a power cut makes of it.

use std::collections::BTreeMap;

#[derive(Default, Clone)]
pub(super) struct File {
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<FileStep>,
    pub(super) cached: Vec<u8>,
    /// The file is at least so long; what was not written of it is zeros.
    pub(super) room: u64,
}

#[derive(Clone)]
pub(super) enum FileStep {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone)]
pub(super) enum NameStep {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

impl NameStep {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link(name, id) => drop(names.insert(name.clone(), *id)),
            Self::Unlink(name) => drop(names.remove(name)),
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
        }
    }
}

impl File {
    pub(super) fn len(&self) -> u64 {
        self.room.max(self.cached.len() as u64)
    }

    pub(super) fn flush(&mut self) {
        for step in std::mem::take(&mut self.pending) {
            step.apply(&mut self.durable);
        }
    }

    pub(super) fn replay(&mut self) {
        self.cached = self.durable.clone();
        for step in &self.pending {
            step.apply(&mut self.cached);
        }
    }

    pub(super) fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut durable = self.durable.clone();
        for step in &self.pending {
            match (random.below(3), step) {
                (0, _) => {}
                (1, step) => step.apply(&mut durable),
                (_, FileStep::SetLen(_)) => step.apply(&mut durable),
                (_, FileStep::Write(offset, bytes)) => {
                    for (sector, part) in bytes.chunks(SECTOR).enumerate() {
                        if random.below(2) == 0 {
                            let offset = offset + (sector * SECTOR) as u64;
                            FileStep::Write(offset, part.to_vec()).apply(&mut durable);
                        }
                    }
                }
            }
        }
        Self { cached: durable.clone(), durable, pending: Vec::new(), room: self.room }
    }
}

impl FileStep {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, written) => {
                let (from, to) = (*offset as usize, *offset as usize + written.len());
                bytes.resize(bytes.len().max(to), 0);
                bytes[from..to].copy_from_slice(written);
            }
            Self::SetLen(len) => bytes.resize(*len as usize, 0),
        }
    }
}

/// Numbers from a seed (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

const SECTOR: usize = 512;
