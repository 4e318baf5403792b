//! The checks of how much is kept of what is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_queue::{RefusedBounds, StoreConfig};

use super::check::{Checker, places};
use super::shape;
use crate::refused::Keeping;

impl Checker<'_> {
    /// How much is kept of each source.
    pub(super) fn refused(
        &mut self,
        sources: &BTreeMap<String, shape::Source>,
        store: &StoreConfig,
    ) -> Keeping {
        let mut bounds = BTreeMap::new();
        for (place, name, source) in places("sources", sources) {
            let one = self.refused_bounds(&format!("{place}/refused"), &source.refused);
            // A name that is none was told with the source.
            bounds.extend(name.parse().ok().map(|name| (name, one)));
        }
        Keeping {
            bounds,
            // The log comes first: this stops long before the log must.
            free_bytes_min: store.free_bytes_min.saturating_mul(2),
            dedupe_window: store.dedupe_window,
        }
    }

    fn refused_bounds(&mut self, place: &str, refused: &shape::Refused) -> RefusedBounds {
        let mut bounds = RefusedBounds::default();
        if let Some(keep) = refused.keep {
            if keep.0 > KEEP_MAX {
                let message = "what is refused is kept for at most 90d";
                self.fault(&format!("{place}/keep"), "value_out_of_range", message);
            }
            bounds.age_max = keep.0;
        }
        if let Some(bytes) = refused.bytes {
            if !BYTES.contains(&bytes.0) {
                let message = "what is refused takes 64KiB to 10GiB";
                self.fault(&format!("{place}/bytes"), "value_out_of_range", message);
            }
            bounds.bytes_max = bytes.0;
        }
        bounds.events_max = refused.deliveries.unwrap_or(bounds.events_max);
        if bounds.age_max.is_zero() { RefusedBounds::nothing() } else { bounds }
    }
}

const KEEP_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const BYTES: std::ops::RangeInclusive<u64> = 64 * 1024..=10 * 1024 * 1024 * 1024;
