//! Events that wait together for a plugin that takes batches: who they are, and how many of them
//! are asked about in one call.
//!
//! Nobody waits for companions: the line fills while the call before runs, so a busy plugin gets
//! large batches and an idle one answers at once. A batch has the deadline of one call, so that no
//! plugin holds a worker for longer than it may. A plugin that overruns with many is asked about
//! half as many the next time, and about one more after each batch that it managed. One that
//! remembers is asked about one by one: what one event leaves behind, the next one sees.
//!
//! The fate of an event never depends on its companions: if a batch fails, each of its events is
//! asked about alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_core::event::Event;
use sluicegate_core::ids::EventId;

use crate::jobs::Job;
use crate::plugin::Plugin;
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

    /// So many were asked about in one call, and it answered, or it took too long or too much.
    /// Racing workers may lose a step: it is a rule of thumb.
    pub(crate) fn took(&self, events: usize, it_answered: bool) {
        let max = self.events_max();
        if !it_answered {
            self.0.store((events / 2).max(EVENTS_MIN), Ordering::Relaxed);
        } else if events >= max && max < EVENTS_MAX {
            self.0.store(max + 1, Ordering::Relaxed);
        }
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

impl Job {
    /// The plugin that its event meets first, if that takes several events in one call and was not
    /// asked yet. One that stands behind another in its chain is asked about one event at a time:
    /// what it will see is not known yet.
    pub(crate) fn may_be_asked_together(&self) -> Option<Plugin> {
        if self.ahead.is_some() {
            return None;
        }
        let mut slots = self.chains.iter().flat_map(|chain| &chain.plugins);
        slots.find_map(|slot| {
            slot.look(|seat| {
                let first = seat.plugin.wants(&self.event.kind).then(|| seat.takes_several());
                first.map(|takes| takes.then(|| seat.plugin.clone()))
            })
        })?
    }
}

/// Events in one call.
const EVENTS_MAX: usize = 64;

/// Two are always tried again, or it would stay at one for ever.
const EVENTS_MIN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_too_large_is_halved_and_grows_again_one_by_one() {
        let together = Together::default();
        together.took(64, true);
        assert_eq!(together.events_max(), 64);
        together.took(9, false);
        assert_eq!(together.events_max(), 4);
        together.took(4, true);
        together.took(4, true);
        assert_eq!(together.events_max(), 5, "the second was smaller than it might have been");
        together.took(3, false);
        assert_eq!(together.events_max(), EVENTS_MIN);
    }
}
