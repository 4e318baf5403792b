//! A station: an instance of each plugin that was asked there, ready to be asked again. One thread
//! at a time stands at it.

use std::sync::{Arc, Weak};

use sluicegate_core::decision::{Decision, Failure};
use sluicegate_core::event::Event;
use sluicegate_core::ids::RouteName;
use sluicegate_core::letter::Cause;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::state::Session;

use crate::answer;
use crate::fault::Fault;
use crate::instance::{Answer, Instance, Place};
use crate::metrics::RETRY_AFTER;
use crate::pins::Pins;
use crate::plugin::{Loaded, Plugin};
use crate::spec::{Branch, Chain, Queues};
use crate::together::Ahead;
use crate::walk::{Tally, Verdict, walk};
use crate::watch::Watch;

/// The instances of one station.
pub(crate) struct Station {
    queues: Arc<dyn Queues>,
    slots: Vec<Slot>,
    id: String,
    pins: Pins,
}

/// The place of one plugin's instance. It does not keep the plugin alive.
struct Slot {
    plugin: Weak<Loaded>,
    instance: Option<Box<Instance>>,
}

impl Station {
    pub(crate) fn new(queues: Arc<dyn Queues>) -> Self {
        Self { queues, slots: Vec::new(), id: String::new(), pins: Pins::default() }
    }

    /// Takes an event through its chains. What the filters read and write is in the session.
    pub(crate) fn decide(
        &mut self,
        event: &Event,
        chains: &[Arc<Chain>],
        session: &mut Option<Session>,
        mut ahead: Option<Ahead>,
    ) -> Result<Vec<Vec<Branch>>, Refusal> {
        let mut tally = Tally::new(event);
        let mut pins = std::mem::take(&mut self.pins);
        let one = |chain: &Arc<Chain>| {
            let ask = |plugin: &Plugin, event: &Event, watch: &mut Watch| {
                Ahead::answer(&mut ahead, plugin, event)
                    .unwrap_or_else(|| self.ask(plugin, event, &chain.route, session, watch))
            };
            walk(event, chain, &mut tally, &mut pins, ask)
        };
        let decided = chains.iter().map(one).collect();
        pins.clear();
        self.pins = pins;
        decided
    }

    /// Asks a plugin about several events in one call: a verdict for each, in order. `None` if that
    /// failed: whose fault it is shows when each is asked about alone.
    pub(crate) fn ask_together(
        &mut self,
        plugin: &Plugin,
        events: &[&Event],
    ) -> Option<Vec<Verdict>> {
        let Self { queues, slots, .. } = self;
        let took = |worked| plugin.0.together.iter().for_each(|it| it.took(events.len(), worked));
        match call_together(slot(slots, plugin), &plugin.0, events) {
            Ok(answers) => {
                took(true);
                let checked = |answer| checked(answer, plugin, &**queues);
                Some(answers.into_iter().map(checked).collect())
            }
            Err(fault) => {
                if matches!(fault.cause, Cause::Deadline | Cause::Memory) {
                    took(false);
                }
                plugin.0.about.counts.retries.increment();
                None
            }
        }
    }

    /// Ends the instances of versions that decide no more.
    pub(crate) fn sweep(&mut self) {
        sweep(&mut self.slots);
    }

    /// Ends every instance.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    /// Asks a plugin, once more on a fresh instance if a used one trapped: what broke may have
    /// been the state that it had gathered. An overrun is not tried again, it cost enough.
    pub(crate) fn ask(
        &mut self,
        plugin: &Plugin,
        event: &Event,
        route: &RouteName,
        session: &mut Option<Session>,
        watch: &mut Watch,
    ) -> Verdict {
        let Self { queues, slots, id, .. } = self;
        let slot = slot(slots, plugin);
        let place = Place { session, route, id, watch };
        let (answer, was_used) = call(slot, &plugin.0, event, place);
        let answer = match answer {
            Err(fault) if was_used && matches!(fault.cause, Cause::Trap | Cause::Memory) => {
                plugin.0.about.counts.retries.increment();
                let place = Place { session, route, id, watch };
                call(slot, &plugin.0, event, place).0
            }
            answer => answer,
        };
        let checked = checked(answer?, plugin, &**queues);
        if let (Err(_), Some(session)) = (&checked, session) {
            // A decision that breaks the contract is a failure: it leaves nothing either.
            session.undo_call();
        }
        checked
    }
}

fn checked(answer: Answer, plugin: &Plugin, queues: &dyn Queues) -> Verdict {
    let counts = &plugin.0.about.counts;
    match answer {
        Ok(said) => {
            let decision: Decision = answer::decision(said, queues)?;
            counts.decided(decision.code());
            Ok(Ok(decision))
        }
        Err(said) => {
            let failure = answer::failure(said);
            if matches!(failure, Failure::RetryAfter(_)) {
                counts.decided(RETRY_AFTER);
            }
            Ok(Err(failure))
        }
    }
}

fn sweep(slots: &mut Vec<Slot>) {
    slots.retain(|slot| slot.plugin.upgrade().is_some_and(|plugin| !plugin.is_retired()));
}

fn slot<'a>(slots: &'a mut Vec<Slot>, plugin: &Plugin) -> &'a mut Slot {
    let is_its = |slot: &Slot| std::ptr::eq(slot.plugin.as_ptr(), Arc::as_ptr(&plugin.0));
    let at = slots.iter().position(is_its).unwrap_or_else(|| {
        // A version that is new here may have taken the place of another.
        sweep(slots);
        slots.push(Slot { plugin: Arc::downgrade(&plugin.0), instance: None });
        slots.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "`at` was found or pushed just before")]
    &mut slots[at]
}

/// One call about several events. As below, an instance that fails is gone.
fn call_together(
    slot: &mut Slot,
    plugin: &Loaded,
    events: &[&Event],
) -> Result<Vec<Answer>, Fault> {
    let mut instance = slot.instance.take().map_or_else(|| plugin.start(), Ok)?;
    let answers = instance.call_together(events, &plugin.subscription, plugin.limits.deadline)?;
    keep(slot, plugin, instance);
    Ok(answers)
}

/// One call, on the slot's instance or a fresh one. Says too whether that instance was used
/// before. An instance that fails is gone, and one that is old is gone after its answer.
fn call(
    slot: &mut Slot,
    plugin: &Loaded,
    event: &Event,
    place: Place<'_>,
) -> (Result<Answer, Fault>, bool) {
    let mut instance = match taken_or_started(slot, plugin, place.watch) {
        Ok(instance) => instance,
        Err(fault) => return (Err(fault), false),
    };
    let answer = instance.call(event, &plugin.subscription, plugin.limits.deadline, place);
    let was_used = instance.is_used();
    if answer.is_ok() {
        keep(slot, plugin, instance);
    }
    (answer, was_used)
}

fn taken_or_started(
    slot: &mut Slot,
    plugin: &Loaded,
    watch: &mut Watch,
) -> Result<Box<Instance>, Fault> {
    if let Some(instance) = slot.instance.take() {
        return Ok(instance);
    }
    let started = plugin.start();
    watch.lap(|| None);
    started
}

/// Keeps an instance that has answered, unless it is old.
fn keep(slot: &mut Slot, plugin: &Loaded, instance: Box<Instance>) {
    if instance.is_old(plugin.limits.recycle_calls) {
        plugin.about.counts.recycled.increment();
    } else {
        slot.instance = Some(instance);
    }
}
