//! The open segments, by number: the writer adds and takes away, readers look up.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::disk::DiskFile;

/// The open segments.
#[derive(Default)]
pub(crate) struct Segments(RwLock<BTreeMap<u32, Arc<dyn DiskFile>>>);

impl Segments {
    pub(crate) fn insert(&self, number: u32, file: Arc<dyn DiskFile>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(number, file);
    }

    pub(crate) fn remove(&self, number: u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    pub(crate) fn find(&self, number: u32) -> Option<Arc<dyn DiskFile>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// The number of the newest one.
    pub(crate) fn newest(&self) -> u32 {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        files.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// How many there are, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // A file whose length cannot be read is counted as empty: this is for display.
        let bytes = files.values().map(|file| file.len().unwrap_or(0)).sum();
        (files.len() as u64, bytes)
    }
}

/// The name of a segment's file.
pub(crate) fn segment_name(number: u32) -> String {
    format!("log/{number:010}.log")
}

/// The number in the name of a segment's file, or of its keys.
pub(crate) fn segment_number(name: &str, ending: &str) -> Option<u32> {
    let digits = name.strip_suffix(ending)?;
    let well_formed = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok())?
}
