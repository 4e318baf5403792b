//! What lies beside the log, sealed as it is, and is no part of it: refused deliveries, and small
//! notes of other rooms. The store only lends its disk, its lock and its keys.

use std::collections::BTreeMap;
use std::io;

use sluicegate_core::ids::SourceName;
use sluicegate_core::time::Timestamp;

use super::Store;
use crate::refused::{RefusedBounds, RefusedLog};
use crate::seal::Notes;

impl Store {
    /// Opens the refused deliveries, with the bounds of each source. Those of sources that have no
    /// bounds any more are shown and may be removed; they go by their age.
    ///
    /// # Errors
    /// Those of the disk; and when the store has stopped.
    pub fn refused(
        &self,
        bounds: BTreeMap<SourceName, RefusedBounds>,
        now: Timestamp,
    ) -> io::Result<RefusedLog> {
        let stopped = || io::Error::other("the store has stopped");
        let held = self.operator.hold().ok_or_else(stopped)?;
        let (sealer, unsealer) = (self.sealer.clone(), self.reader.1.clone());
        RefusedLog::open(held.disk, held.lock, (sealer, unsealer), bounds, now)
    }

    /// Seals small notes that other rooms keep beside the log. It outlives the store, and writes
    /// nothing itself.
    #[must_use]
    pub fn notes(&self) -> Notes {
        Notes::new(self.sealer.clone(), self.reader.1.clone())
    }
}
