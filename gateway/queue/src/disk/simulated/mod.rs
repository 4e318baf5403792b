//! A disk in memory that can lose power at any step: what was not flushed is lost, kept, or torn
//! by sectors, as a seed decides.
//!
//! Every call that changes something is a step. Bytes become durable by `sync`, names by
//! `sync_folder`, in order. A flush that is made to fail drops its bytes for good, as Linux does:
//! they still read back from the cache until `evict`, and no later flush writes them. Room that is
//! reserved is durable at once, and reads as zeros.

mod record;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, DiskFile};
use record::Deed;
pub(crate) use steps::Random;
use steps::{File, FileStep, NameStep};

/// A disk in memory.
#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<(String, NameStep)>,
    steps: u64,
    /// Power goes off before this step.
    dies_at: Option<u64>,
    /// The flush with this number (from 1) fails.
    fails_flush: Option<u64>,
    flushes: u64,
    /// So many bytes have all files together at most: room that they reserved counts, whether it
    /// is written or not.
    capacity: Option<u64>,
    free_bytes: u64,
    /// What was done, with the number of its step, if that is to be known.
    deeds: Option<Vec<(u64, Deed)>>,
    /// Bytes of files that cannot be read.
    unreadable: Vec<(usize, Range<u64>)>,
    /// So many writes find no room, wherever they go.
    full_writes: u64,
    /// Whoever reads or makes a file with this in its name panics.
    panics_at: Option<&'static str>,
}

impl SimulatedDisk {
    pub(crate) fn new() -> Self {
        let disk = Self::default();
        disk.lock().free_bytes = u64::MAX;
        disk
    }

    pub(crate) fn die_at(&self, step: u64) {
        self.lock().dies_at = Some(step);
    }

    pub(crate) fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// The flush after `more` others fails.
    pub(crate) fn fail_flush_after(&self, more: u64) {
        let mut state = self.lock();
        state.fails_flush = Some(state.flushes + more + 1);
    }

    /// Files can only grow by so many bytes more, all together.
    pub(crate) fn leave_room(&self, bytes: u64) {
        let mut state = self.lock();
        state.capacity = Some(state.used().saturating_add(bytes));
    }

    /// These bytes of a file cannot be read from now on.
    pub(crate) fn spoil(&self, name: &str, bytes: Range<u64>) {
        let mut state = self.lock();
        let id = state.names[name];
        state.unreadable.push((id, bytes));
    }

    /// The next `count` writes find no room, even where it was reserved, as on a file system that
    /// never writes in place.
    pub(crate) fn fail_writes(&self, count: u64) {
        self.lock().full_writes = count;
    }

    /// Whoever reads or makes a file with this in its name panics from now on.
    pub(crate) fn panic_at(&self, part: &'static str) {
        self.lock().panics_at = Some(part);
    }

    /// What `free_bytes` says.
    pub(crate) fn say_free(&self, bytes: u64) {
        self.lock().free_bytes = bytes;
    }

    /// The disk after the power comes back. The seed decides what of the unflushed is there.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Self {
        self.lock().after_power_cut(seed)
    }

    /// Flips one bit of a file.
    pub(crate) fn flip(&self, name: &str, byte: usize, bit: u8) {
        let mut state = self.lock();
        let id = state.names[name];
        state.files[id].durable[byte] ^= 1 << bit;
        state.files[id].replay();
    }

    /// Flips one bit of what the memory has of a file; the disk has it right.
    pub(crate) fn flip_cached(&self, name: &str, byte: usize, bit: u8) {
        let mut state = self.lock();
        let id = state.names[name];
        state.files[id].cached[byte] ^= 1 << bit;
    }

    /// All bytes can be read again.
    pub(crate) fn heal(&self) {
        self.lock().unreadable.clear();
    }

    pub(crate) fn bytes_of(&self, name: &str) -> Vec<u8> {
        let state = self.lock();
        state.files[state.names[name]].cached.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Not with the lock held: other threads go on.
    fn may_panic(&self, touches: impl FnOnce(&State, &str) -> bool) {
        let state = self.lock();
        let panics = state.panics_at.is_some_and(|part| touches(&state, part));
        drop(state);
        assert!(!panics, "the disk panics, as it was told");
    }

    fn name_step(&self, folder_of: &str, step: NameStep) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        state.note(|| Deed::Named(folder(folder_of), step.clone()));
        step.apply(&mut state.names);
        state.pending_names.push((folder(folder_of), step));
        Ok(())
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        self.alive()
    }

    /// The bytes of all files that have a name.
    fn used(&self) -> u64 {
        self.names.values().map(|id| self.files[*id].len()).sum()
    }

    /// Sees to it that a file can have this length.
    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let more = to.saturating_sub(from);
        match self.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    fn flush_names(&mut self, synced: &str) {
        let steps = std::mem::take(&mut self.pending_names);
        for (folder, step) in steps {
            if folder == synced {
                step.apply(&mut self.durable_names);
            } else {
                self.pending_names.push((folder, step));
            }
        }
    }

    fn after_power_cut(&self, seed: u64) -> SimulatedDisk {
        let mut random = Random(seed);
        let mut names = self.durable_names.clone();
        let kept = random.below(self.pending_names.len() as u64 + 1) as usize;
        for (_, step) in &self.pending_names[..kept] {
            step.apply(&mut names);
        }
        let named: BTreeSet<usize> = names.values().copied().collect();
        let after = |(id, file): (usize, &File)| match named.contains(&id) {
            true => file.after_power_cut(&mut random),
            // Nobody can open it again.
            false => File::default(),
        };
        let files = self.files.iter().enumerate().map(after).collect();
        let after = State {
            files,
            durable_names: names.clone(),
            names,
            free_bytes: u64::MAX,
            ..State::default()
        };
        SimulatedDisk(Arc::new(Mutex::new(after)))
    }

    fn alive(&self) -> io::Result<()> {
        if self.dies_at.is_some_and(|at| self.steps >= at) {
            return Err(io::Error::other("power is off"));
        }
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    fn list(&self, wanted: &str) -> io::Result<Vec<String>> {
        let state = self.lock();
        state.alive()?;
        let inside = state.names.keys().filter(|name| folder(name) == wanted);
        Ok(inside.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect())
    }

    fn create(&self, name: &str, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        self.may_panic(|_, part| name.contains(part));
        let id = {
            let mut state = self.lock();
            if state.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.grow(0, room)?;
            state.note(|| Deed::Made { room });
            state.files.push(File { room, ..File::default() });
            state.files.len() - 1
        };
        self.name_step(name, NameStep::Link(name.to_owned(), id))?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.lock();
        state.alive()?;
        let id = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), id }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if !self.lock().names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.name_step(name, NameStep::Unlink(name.to_owned()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if !self.lock().names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.name_step(from, NameStep::Rename(from.to_owned(), to.to_owned()))
    }

    fn sync_folder(&self, synced: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        state.note(|| Deed::SyncedFolder(synced.to_owned()));
        state.flush_names(synced);
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.lock();
        let left = state.capacity.map_or(u64::MAX, |all| all.saturating_sub(state.used()));
        Ok(left.min(state.free_bytes))
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    id: usize,
}

impl SimulatedFile {
    fn step(&self, step: FileStep) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        if let FileStep::Write(offset, bytes) = &step {
            if state.full_writes > 0 {
                state.full_writes -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.grow(state.files[self.id].len(), offset + bytes.len() as u64)?;
        }
        state.note(|| Deed::Changed(self.id, step.clone()));
        let file = &mut state.files[self.id];
        step.apply(&mut file.cached);
        file.pending.push(step);
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.may_panic(|state, part| {
            state.names.iter().any(|(name, id)| *id == self.id && name.contains(part))
        });
        let state = self.disk.lock();
        state.alive()?;
        let read = offset..offset.saturating_add(into.len() as u64);
        let hit = |(id, bad): &(usize, Range<u64>)| {
            *id == self.id && bad.start < read.end && read.start < bad.end
        };
        if state.unreadable.iter().any(hit) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        let file = &state.files[self.id];
        let written = file.cached.get(offset as usize..).unwrap_or_default();
        let len = file.len().saturating_sub(offset).min(into.len() as u64) as usize;
        let copied = len.min(written.len());
        into[..copied].copy_from_slice(&written[..copied]);
        into[copied..len].fill(0);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.step(FileStep::Write(offset, bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        state.flushes += 1;
        let fails = state.fails_flush == Some(state.flushes);
        if fails {
            state.files[self.id].pending.clear();
            return Err(io::Error::other("input/output error"));
        }
        state.note(|| Deed::Synced(self.id));
        state.files[self.id].flush();
        Ok(())
    }

    fn reserve(&self, room: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        state.grow(state.files[self.id].len(), room)?;
        state.note(|| Deed::Reserved(self.id, room));
        let file = &mut state.files[self.id];
        file.room = file.room.max(room);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step(FileStep::SetLen(len))?;
        self.disk.lock().files[self.id].room = 0;
        Ok(())
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let zeros = vec![0; (range.end - range.start) as usize];
        self.step(FileStep::Write(range.start, zeros))
    }

    fn space(&self) -> io::Result<u64> {
        self.len()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.id].len())
    }

    fn evict(&self) -> io::Result<()> {
        self.disk.lock().files[self.id].replay();
        Ok(())
    }
}

/// The folder of a name: the top one is "".
fn folder(name: &str) -> String {
    name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}
