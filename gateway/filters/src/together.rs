//! Events that wait together for a plugin that takes batches: who they are, and how many of them
//! are asked about in one call.
//!
//! Nobody waits for companions: the line fills while the call before runs, so a busy plugin gets
//! large batches and an idle one answers at once. A batch has the deadline of one call, so that no
//! plugin holds a worker for longer than it may. A plugin that overruns with many is asked about
//! half as many the next time, and about one more after each batch that it managed.
//!
//! The fate of an event never depends on its companions: if a batch fails, each of its events is
//! asked about alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_core::event::Event;
use sluicegate_core::ids::EventId;

use crate::plugin::Plugin;
use crate::spec::Chain;
use crate::walk::Verdict;

/// How many events one plugin is asked about in one call.
#[derive(Debug)]
pub(crate) struct Together(AtomicUsize);

/// What a plugin has said about an event before the event is walked through its chains.
pub(crate) struct Ahead {
    plugin: Plugin,
    event: EventId,
    verdict: Verdict,
}

impl Default for Together {
    fn default() -> Self {
        Self(AtomicUsize::new(EVENTS_MAX))
    }
}

impl Together {
    /// How many at most, now.
    pub(crate) fn events_max(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A batch of so many was answered. Racing workers may lose a step: it is a rule of thumb.
    pub(crate) fn managed(&self, events: usize) {
        let max = self.events_max();
        if events >= max && max < EVENTS_MAX {
            self.0.store(max + 1, Ordering::Relaxed);
        }
    }

    /// A batch of so many took too long or too much.
    pub(crate) fn overran(&self, events: usize) {
        self.0.store((events / 2).max(1), Ordering::Relaxed);
    }
}

impl Ahead {
    pub(crate) fn new(plugin: &Plugin, event: &Event, verdict: Verdict) -> Self {
        Self { plugin: plugin.clone(), event: event.id, verdict }
    }

    /// What was said, if it is what would be asked now.
    pub(crate) fn answer(
        place: &mut Option<Self>,
        plugin: &Plugin,
        event: &Event,
    ) -> Option<Verdict> {
        let ahead = place.take_if(|it| it.plugin == *plugin && it.event == event.id);
        ahead.map(|ahead| ahead.verdict)
    }
}

/// The plugin that an event meets first, if it takes batches. One that stands behind another in
/// its chain is asked about one event at a time: what it will see is not known yet.
pub(crate) fn met_first<'c>(event: &Event, chains: &'c [Arc<Chain>]) -> Option<&'c Plugin> {
    let mut plugins = chains.iter().flat_map(|chain| &chain.plugins);
    plugins.find(|plugin| plugin.wants(&event.kind)).filter(|plugin| plugin.0.takes_batches())
}

/// Events in one call.
const EVENTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_too_large_is_halved_and_grows_again_one_by_one() {
        let together = Together::default();
        together.managed(64);
        assert_eq!(together.events_max(), 64);
        together.overran(64);
        together.overran(3);
        assert_eq!(together.events_max(), 1);
        together.managed(1);
        together.managed(1);
        assert_eq!(together.events_max(), 2, "the second was smaller than it might have been");
        together.overran(1);
        assert_eq!(together.events_max(), 1);
    }
}
