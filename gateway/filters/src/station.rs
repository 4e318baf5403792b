//! A station: an instance of each plugin that was asked there, ready to be asked again. One thread
//! at a time stands at it.

use std::sync::{Arc, Weak};

use sluicegate_core::decision::{Decision, Failure};
use sluicegate_core::event::Event;
use sluicegate_core::letter::Cause;
use sluicegate_core::refusal::Refusal;

use crate::answer;
use crate::fault::Fault;
use crate::instance::{Answer, Instance};
use crate::metrics::RETRY_AFTER;
use crate::plugin::{Loaded, Plugin};
use crate::spec::{Branch, Chain, Queues};
use crate::together::Ahead;
use crate::walk::{Tally, Verdict, walk};

/// The instances of one station.
pub(crate) struct Station {
    queues: Arc<dyn Queues>,
    slots: Vec<Slot>,
    id: String,
}

/// The place of one plugin's instance. It does not keep the plugin alive.
struct Slot {
    plugin: Weak<Loaded>,
    instance: Option<Box<Instance>>,
}

impl Station {
    pub(crate) fn new(queues: Arc<dyn Queues>) -> Self {
        Self { queues, slots: Vec::new(), id: String::new() }
    }

    /// Takes an event through its chains.
    pub(crate) fn decide(
        &mut self,
        event: &Event,
        chains: &[Arc<Chain>],
        mut ahead: Option<Ahead>,
    ) -> Result<Vec<Vec<Branch>>, Refusal> {
        let mut tally = Tally::new(event);
        let mut ask = |plugin: &Plugin, event: &Event| {
            Ahead::answer(&mut ahead, plugin, event).unwrap_or_else(|| self.ask(plugin, event))
        };
        chains.iter().map(|chain| walk(event, chain, &mut tally, &mut ask)).collect()
    }

    /// Asks a plugin about several events in one call, and if that fails, about each alone. There
    /// is one verdict for each event, in order.
    pub(crate) fn ask_together(&mut self, plugin: &Plugin, events: &[&Event]) -> Vec<Verdict> {
        let Self { queues, slots, id } = self;
        let slot = slot(slots, plugin);
        let together = &plugin.0.together;
        match call_together(slot, &plugin.0, events) {
            Ok(answers) => {
                together.managed(events.len());
                let checked = |answer| checked(answer, plugin, &**queues);
                return answers.into_iter().map(checked).collect();
            }
            Err(fault) if matches!(fault.cause, Cause::Deadline | Cause::Memory) => {
                together.overran(events.len());
            }
            // Whose fault it is shows when each is asked about alone.
            Err(_) => {}
        }
        plugin.0.about.counts.retries.increment();
        let alone =
            |event: &&Event| checked(call(slot, &plugin.0, event, id).0?, plugin, &**queues);
        events.iter().map(alone).collect()
    }

    /// Ends the instances of plugins that are no longer loaded.
    pub(crate) fn sweep(&mut self) {
        self.slots.retain(|slot| slot.plugin.strong_count() > 0);
    }

    /// Ends every instance.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    /// Asks a plugin, once more on a fresh instance if a used one trapped: what broke may have
    /// been the state that it had gathered. An overrun is not tried again, it cost enough.
    fn ask(&mut self, plugin: &Plugin, event: &Event) -> Verdict {
        let Self { queues, slots, id } = self;
        let slot = slot(slots, plugin);
        let (answer, was_used) = call(slot, &plugin.0, event, id);
        let answer = match answer {
            Err(fault) if was_used && matches!(fault.cause, Cause::Trap | Cause::Memory) => {
                plugin.0.about.counts.retries.increment();
                call(slot, &plugin.0, event, id).0
            }
            answer => answer,
        };
        checked(answer?, plugin, &**queues)
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

fn slot<'a>(slots: &'a mut Vec<Slot>, plugin: &Plugin) -> &'a mut Slot {
    let is_its = |slot: &Slot| std::ptr::eq(slot.plugin.as_ptr(), Arc::as_ptr(&plugin.0));
    let at = slots.iter().position(is_its).unwrap_or_else(|| {
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
    id: &mut String,
) -> (Result<Answer, Fault>, bool) {
    let mut instance = match slot.instance.take().map_or_else(|| plugin.start(), Ok) {
        Ok(instance) => instance,
        Err(fault) => return (Err(fault), false),
    };
    let answer = instance.call(event, &plugin.subscription, plugin.limits.deadline, id);
    let was_used = instance.is_used();
    if answer.is_ok() {
        keep(slot, plugin, instance);
    }
    (answer, was_used)
}

/// Keeps an instance that has answered, unless it is old.
fn keep(slot: &mut Slot, plugin: &Loaded, instance: Box<Instance>) {
    if instance.is_old(plugin.limits.recycle_calls) {
        plugin.about.counts.recycled.increment();
    } else {
        slot.instance = Some(instance);
    }
}
