//! A disk with a gate: while it is shut, no segment is flushed, or one is not removed, and whoever
//! wants to waits. So a test decides what is still under way. It changes nothing itself.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};

use crate::disk::simulated::SimulatedDisk;
use crate::disk::{Disk, DiskFile};

/// The disk, and its gate.
#[derive(Clone, Default)]
pub(super) struct GatedDisk {
    pub(super) below: SimulatedDisk,
    gate: Arc<Gate>,
}

/// What must wait while the gate is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Flushes,
    /// The removal of the first segment.
    Removal,
}

#[derive(Default)]
struct Gate {
    state: Mutex<(Option<What>, usize)>,
    opened: Condvar,
}

impl GatedDisk {
    pub(super) fn new() -> Self {
        Self { below: SimulatedDisk::new(), gate: Arc::default() }
    }

    pub(super) fn shut(&self, what: What) {
        self.gate.state.lock().unwrap().0 = Some(what);
    }

    pub(super) fn open(&self) {
        self.gate.state.lock().unwrap().0 = None;
        self.gate.opened.notify_all();
    }

    /// Whether somebody waits before the gate.
    pub(super) fn is_waited_for(&self) -> bool {
        self.gate.state.lock().unwrap().1 > 0
    }

    /// Whether the first segment is there.
    pub(super) fn has_first(&self) -> bool {
        Disk::open(&self.below, FIRST).is_ok()
    }
}

impl Gate {
    fn pass(&self, what: What) {
        let mut state = self.state.lock().unwrap();
        while state.0 == Some(what) {
            state.1 += 1;
            state = self.opened.wait(state).unwrap();
            state.1 -= 1;
        }
    }
}

/// The first segment.
pub(super) const FIRST: &str = "log/0000000001.log";

struct GatedFile(Arc<dyn DiskFile>, Arc<Gate>);

impl GatedDisk {
    fn gated(&self, name: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let plain = !name.starts_with("log/") || name.ends_with(".index");
        if plain { file } else { Arc::new(GatedFile(file, Arc::clone(&self.gate))) }
    }
}

impl Disk for GatedDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.below.list(folder)
    }

    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.gated(name, self.below.create(name, room)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.gated(name, Disk::open(&self.below, name)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if name == FIRST {
            self.gate.pass(What::Removal);
        }
        self.below.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.below.sync_folder(folder)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.below.free_bytes()
    }
}

impl DiskFile for GatedFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(into, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn reserve(&self, room: u64) -> io::Result<()> {
        self.0.reserve(room)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.pass(What::Flushes);
        self.0.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        self.0.punch(range)
    }

    fn space(&self) -> io::Result<u64> {
        self.0.space()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn evict(&self) -> io::Result<()> {
        self.0.evict()
    }
}
