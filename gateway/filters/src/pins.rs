//! What one event has seen of each plugin: taken when the plugin is first met, and kept until the
//! event is through all its chains, so that it meets one version of each.

use std::sync::Arc;

use crate::slot::{Seat, Slot};

/// The seats that an event took. Emptied after each event, so that no version is kept alive.
#[derive(Default)]
pub(crate) struct Pins(Vec<(usize, Arc<Seat>)>);

impl Pins {
    /// The seat of a slot: the one that this event took before, or the one of now.
    pub(crate) fn seat(&mut self, slot: &Slot) -> &Seat {
        // The chains of the event hold the slot, so its address is its own all the while.
        let place = Arc::as_ptr(&slot.0).addr();
        let at = self.0.iter().position(|(of, _)| *of == place).unwrap_or_else(|| {
            self.0.push((place, slot.seat()));
            self.0.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "`at` was found or pushed just before")]
        &self.0[at].1
    }

    /// Gives all of them back.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
