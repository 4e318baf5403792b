//! What became of the refused deliveries of one source.

use sluicegate_core::metrics::Counter;

/// Counts of one source.
#[derive(Debug, Default)]
pub struct RefusedCounters {
    /// Kept.
    pub kept: Counter,
    /// Released into the line.
    pub released: Counter,
    /// Not kept: too many of this source at once or in a short time.
    pub flooded: Counter,
    /// Not kept: the same, and nothing in them reads as a signature.
    pub flooded_unsigned: Counter,
    /// Not kept: too large for what the source may keep.
    pub oversized: Counter,
    /// Not kept: it carries its token where none can be masked, and the folder is not encrypted.
    pub unsealed: Counter,
    /// Not kept: the disk has too little free space.
    pub disk_full: Counter,
    /// Not kept: the disk failed.
    pub failed: Counter,
}

impl RefusedCounters {
    /// Why deliveries were not kept, and how many each.
    #[must_use]
    pub fn dropped(&self) -> [(&'static str, u64); 6] {
        [
            ("flooded", self.flooded.value()),
            ("flooded_unsigned", self.flooded_unsigned.value()),
            ("oversized", self.oversized.value()),
            ("unsealed", self.unsealed.value()),
            ("disk_full", self.disk_full.value()),
            ("failed", self.failed.value()),
        ]
    }
}
