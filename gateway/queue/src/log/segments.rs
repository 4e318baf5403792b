//! The segments on the disk, by number. The writer adds and takes away; readers look up, and find
//! the file open or have it opened: a log of thousands of segments must not hold thousands of
//! descriptors.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::disk::{Disk, DiskFile};

/// The segments on the disk.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    files: RwLock<BTreeMap<u32, Segment>>,
    uses: AtomicU64,
    /// Up to where the newest one is written, if somebody writes.
    written: AtomicU64,
}

#[derive(Default)]
struct Segment {
    file: Option<Arc<dyn DiskFile>>,
    /// Its length when it was last looked at.
    bytes: u64,
    used: AtomicU64,
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        let (uses, written) = (AtomicU64::default(), AtomicU64::new(u64::MAX));
        Self { disk, files: RwLock::default(), uses, written }
    }

    /// A segment that is there, and open.
    pub(crate) fn insert(&self, number: u32, file: Arc<dyn DiskFile>) {
        // This is for display: a length that cannot be read is shown as none.
        let bytes = file.len().unwrap_or(0);
        let used = AtomicU64::new(self.uses.fetch_add(1, Ordering::Relaxed));
        let mut files = self.write();
        files.insert(number, Segment { file: Some(file), bytes, used });
        close_the_stalest(&mut files);
    }

    /// A segment that is there.
    pub(crate) fn know(&self, number: u32, bytes: u64) {
        self.write().insert(number, Segment { bytes, ..Segment::default() });
    }

    pub(crate) fn remove(&self, number: u32) {
        self.write().remove(&number);
    }

    /// The file of a segment; `None` if there is no such segment.
    pub(crate) fn find(&self, number: u32) -> io::Result<Option<Arc<dyn DiskFile>>> {
        match self.read().get(&number) {
            None => return Ok(None),
            Some(segment) => {
                segment.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
                if let Some(file) = &segment.file {
                    return Ok(Some(Arc::clone(file)));
                }
            }
        }
        let file = match self.disk.open(&segment_name(number)) {
            Ok(file) => file,
            // It was deleted since.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let mut files = self.write();
        if let Some(segment) = files.get_mut(&number) {
            segment.file = Some(Arc::clone(&file));
        }
        close_the_stalest(&mut files);
        Ok(Some(file))
    }

    /// Lets the handle of a segment go: who looks it up next has it opened again.
    pub(crate) fn close(&self, number: u32) {
        if let Some(segment) = self.write().get_mut(&number) {
            segment.file = None;
        }
    }

    /// The segment was cut to this length.
    pub(crate) fn cut(&self, number: u32, bytes: u64) {
        if let Some(segment) = self.write().get_mut(&number) {
            segment.bytes = bytes;
        }
    }

    /// The newest one is written up to here.
    pub(crate) fn wrote(&self, bytes: u64) {
        self.written.store(bytes, Ordering::Relaxed);
    }

    /// The number of the newest one.
    pub(crate) fn newest(&self) -> u32 {
        self.read().last_key_value().map_or(0, |(number, _)| *number)
    }

    /// The numbers of all, oldest first.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.read().keys().copied().collect()
    }

    /// The bytes of each, oldest first; of the newest those that are written: it is made long
    /// before it is full.
    pub(crate) fn sizes(&self) -> BTreeMap<u32, u64> {
        let bytes = |(number, segment): (&u32, &Segment)| (*number, segment.bytes);
        let mut sizes: BTreeMap<u32, u64> = self.read().iter().map(bytes).collect();
        if let Some(mut newest) = sizes.last_entry() {
            let written = self.written.load(Ordering::Relaxed).min(*newest.get());
            newest.insert(written);
        }
        sizes
    }

    /// How many there are, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let files = self.read();
        (files.len() as u64, files.values().map(|segment| segment.bytes).sum())
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Segment>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u32, Segment>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the file that was not used for longest, if too many are open. Who still reads from it
/// has its own handle.
fn close_the_stalest(files: &mut BTreeMap<u32, Segment>) {
    let open = || files.values().filter(|segment| segment.file.is_some());
    if open().count() <= OPEN_MAX {
        return;
    }
    let stalest = files
        .values_mut()
        .filter(|segment| segment.file.is_some())
        .min_by_key(|segment| segment.used.load(Ordering::Relaxed));
    if let Some(segment) = stalest {
        segment.file = None;
    }
}

/// The name of a segment's file.
pub(crate) fn segment_name(number: u32) -> String {
    format!("log/{number:010}.log")
}

/// The number in the name of a file such as `0000000001.log`.
pub(crate) fn segment_number(name: &str, ending: &str) -> Option<u32> {
    let digits = name.strip_suffix(ending)?;
    let well_formed = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok())?
}

/// Files of segments that are held open.
const OPEN_MAX: usize = 64;
