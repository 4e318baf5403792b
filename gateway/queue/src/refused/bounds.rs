//! How much is kept of each source.

use std::time::Duration;

use super::words::RefusedClass;

/// How many refused deliveries of a source are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedBounds {
    /// At most so many; 0 keeps none.
    pub events_max: usize,
    /// Bytes of its files, at most.
    pub bytes_max: u64,
    /// For so long.
    pub age_max: Duration,
}

impl Default for RefusedBounds {
    /// A thousand deliveries or 16 MiB, for three days: as long as idempotency keys are remembered,
    /// so that what is released is still known as a repetition.
    fn default() -> Self {
        let three_days = Duration::from_secs(3 * 24 * 60 * 60);
        Self { events_max: 1000, bytes_max: 16 * 1024 * 1024, age_max: three_days }
    }
}

impl RefusedBounds {
    /// Nothing is kept.
    #[must_use]
    pub fn nothing() -> Self {
        Self { events_max: 0, ..Self::default() }
    }

    /// The bounds of one class, where these are the source's. What is unsigned is mostly what
    /// strangers send without an effort: it has a small share of its own, beside the rest.
    pub(super) fn of(self, class: RefusedClass) -> Self {
        match class {
            RefusedClass::Likely => self,
            RefusedClass::Unsigned => Self {
                events_max: self.events_max.div_ceil(UNSIGNED_PART),
                bytes_max: (self.bytes_max / UNSIGNED_PART as u64).max(UNSIGNED_BYTES_MIN),
                age_max: self.age_max,
            },
        }
    }

    /// Bytes after which a new file is begun: what goes, goes by the file, so that an eighth of the
    /// bound is lost at most.
    pub(super) fn file_bytes(&self) -> u64 {
        (self.bytes_max / FILES).clamp(FILE_BYTES_MIN, FILE_BYTES_MAX)
    }
}

/// What a source has kept, and what has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedUsage {
    /// Deliveries.
    pub events: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Likely deliveries that went since the gateway was started, because a bound was reached.
    pub evicted: u64,
    /// Unsigned ones that went so.
    pub evicted_unsigned: u64,
    /// Entries that could not be read.
    pub damaged: u64,
}

/// What is unsigned has a tenth of the source's bounds, beside them.
const UNSIGNED_PART: usize = 10;
const UNSIGNED_BYTES_MIN: u64 = 64 * 1024;
const FILES: u64 = 8;
const FILE_BYTES_MIN: u64 = 4 * 1024;
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
