//! The way of one event through one chain: who is asked, and what follows from each decision.
//!
//! It decides; the calls are an argument. It never loses an event: every path ends in a branch, or
//! in a refusal of the whole event, of which nothing has been stored yet.

use std::time::{Duration, Instant};

use sluicegate_core::decision::{Decision, Failure, Output, RejectCode, Rejection};
use sluicegate_core::event::Event;
use sluicegate_core::ids::{EventId, RouteName};
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::limits::{EMITTED_BYTES_MAX, OUTPUTS_MAX, bounded_reason};
use sluicegate_core::refusal::Refusal;

use crate::fault::Fault;
use crate::patch::{Origin, patched};
use crate::pins::Pins;
use crate::plugin::Plugin;
use crate::slot::{Seat, Slot, Stands};
use crate::spec::{Branch, Chain, End, OnFailure};
use crate::watch::Watch;

/// What was made out of one received event so far, over all its chains.
pub(crate) struct Tally {
    received: EventId,
    parts: u16,
    bytes: usize,
    /// Time that plugins ran, all together: not what the machine held them up.
    spent: Duration,
}

/// What a plugin answers about an event, checked.
pub(crate) type Verdict = Result<Result<Decision, Failure>, Fault>;

impl Tally {
    pub(crate) fn new(received: &Event) -> Self {
        Self { received: received.id, parts: 0, bytes: 0, spent: Duration::ZERO }
    }

    /// Whether the plugins have time left: many events out of one, each of which a plugin takes
    /// its whole deadline for, must not hold a thread for all of them together.
    fn has_time(&self, plugin: &Plugin) -> Result<(), Fault> {
        if self.spent > plugin.0.limits.deadline * DEADLINES_MAX {
            let why = "the plugins had no time left for this event";
            return Err(Fault::new(Cause::Deadline, why.to_owned()));
        }
        Ok(())
    }

    /// Asks. The time is that of the whole answer: a fresh instance and a second try included.
    fn timed(&mut self, plugin: &Plugin, ask: impl FnOnce(&mut Watch) -> Verdict) -> Verdict {
        let is_slow = plugin.0.pace.was_slow();
        let mut watch = if is_slow { Watch::start_exact() } else { Watch::start() };
        let verdict = ask(&mut watch);
        self.spent += watch.ran();
        plugin.0.pace.answered(watch.ran());
        verdict
    }
}

/// How a plugin failed, if it did.
pub(crate) fn failure(verdict: &Verdict) -> Option<Cause> {
    match verdict {
        Ok(Ok(_) | Err(Failure::RetryAfter(_))) => None,
        Ok(Err(Failure::Failed(_))) => Some(Cause::Failed),
        Err(fault) => Some(fault.cause),
    }
}

/// Takes the event through the chain. `ask` calls a plugin; `pins` are the versions that this event
/// has met.
pub(crate) fn walk(
    event: &Event,
    chain: &Chain,
    tally: &mut Tally,
    pins: &mut Pins,
    mut ask: impl FnMut(&Plugin, &Event, &mut Watch) -> Verdict,
) -> Result<Vec<Branch>, Refusal> {
    let mut done = Vec::with_capacity(1);
    let mut open = vec![(event.clone(), 0)];
    while let Some((event, at)) = open.pop() {
        let Some(slot) = chain.plugins.get(at) else {
            done.push(Branch { event, end: End::Through });
            continue;
        };
        let seat = pins.seat(slot);
        let plugin = &seat.plugin;
        if !plugin.wants(&event.kind) {
            seat.compare_unasked(&event, &chain.route);
            open.push((event, at + 1));
            continue;
        }
        if matches!(seat.stands, Stands::Paused(_)) {
            return Err(paused(plugin));
        }
        let end = match consult((slot, &chain.route), seat, &event, tally, &mut ask) {
            Ok(Ok(Decision::Next)) => {
                open.push((event, at + 1));
                continue;
            }
            Ok(Ok(Decision::Emit(outputs))) => match emit(&event, outputs, plugin, tally) {
                Ok(emitted) => {
                    spread(emitted, at + 1, &mut open, &mut done);
                    continue;
                }
                Err(fault) => {
                    broke(slot, plugin);
                    failed(fault, slot, plugin, chain)?
                }
            },
            Ok(Ok(decision)) => Some(ended(decision, plugin, chain)?),
            Ok(Err(Failure::RetryAfter(retry_after))) => {
                return Err(Refusal::Deferred { retry_after });
            }
            Ok(Err(Failure::Failed(why))) => {
                failed(Fault::new(Cause::Failed, why), slot, plugin, chain)?
            }
            Err(fault) => failed(fault, slot, plugin, chain)?,
        };
        match end {
            Some(end) => done.push(Branch { event, end }),
            None => open.push((event, at + 1)),
        }
    }
    Ok(done)
}

/// Asks the version that the event met, and tells breaker and shadow what came of it.
fn consult(
    (slot, route): (&Slot, &RouteName),
    seat: &Seat,
    event: &Event,
    tally: &mut Tally,
    ask: impl FnOnce(&Plugin, &Event, &mut Watch) -> Verdict,
) -> Verdict {
    let plugin = &seat.plugin;
    seat.may_ask()?;
    tally.has_time(plugin)?;
    plugin.0.about.counts.asked.increment();
    let verdict = tally.timed(plugin, |watch| ask(plugin, event, watch));
    seat.compare(event, route, &verdict);
    match &verdict {
        Err(_) => broke(slot, plugin),
        Ok(_) if matches!(seat.stands, Stands::Open(_)) => slot.recovered(plugin),
        Ok(_) => {}
    }
    verdict
}

/// Tells the circuit breaker that a version broke: it trapped, overran, took too much, or lied.
fn broke(slot: &Slot, plugin: &Plugin) {
    if let Some(breaker) = &slot.0.breaker {
        let calls = plugin.0.about.counts.asked.value();
        if plugin.0.failures.note(breaker, Instant::now(), calls) {
            slot.tripped(plugin);
        }
    }
}

/// Emitted events with queues of their own are done; the others go on, the first one first.
fn spread(
    emitted: Vec<Branch>,
    next: usize,
    open: &mut Vec<(Event, usize)>,
    done: &mut Vec<Branch>,
) {
    let (through, to): (Vec<_>, Vec<_>) =
        emitted.into_iter().partition(|branch| branch.end == End::Through);
    done.extend(to);
    open.extend(through.into_iter().rev().map(|branch| (branch.event, next)));
}

/// All the events that the outputs make, or none of them.
fn emit(
    event: &Event,
    outputs: Vec<Output>,
    plugin: &Plugin,
    tally: &mut Tally,
) -> Result<Vec<Branch>, Fault> {
    let parts = usize::from(tally.parts) + outputs.len();
    if parts > OUTPUTS_MAX {
        return Err(Fault::bad(format!(
            "with it, filters made {parts} events of one, the limit is {OUTPUTS_MAX}"
        )));
    }
    let filter = &plugin.0.about.signature;
    let mut bytes = tally.bytes;
    let mut part = tally.parts;
    let mut branches = Vec::with_capacity(outputs.len());
    for mut output in outputs {
        part += 1;
        let queues = std::mem::take(&mut output.queues);
        let origin = Origin { parent: tally.received, part, filter };
        let event = patched(event, output, &origin)?;
        bytes = bytes.saturating_add(event.weight());
        if bytes > EMITTED_BYTES_MAX {
            return Err(Fault::bad(format!(
                "with it, filters made more than {EMITTED_BYTES_MAX} bytes of one event"
            )));
        }
        let end = if queues.is_empty() { End::Through } else { End::To(queues) };
        branches.push(Branch { event, end });
    }
    (tally.parts, tally.bytes) = (part, bytes);
    Ok(branches)
}

/// How a branch ends by a decision that ends it.
fn ended(decision: Decision, plugin: &Plugin, chain: &Chain) -> Result<End, Refusal> {
    match decision {
        Decision::Drop(reason) => Ok(End::Dropped(reason)),
        Decision::Route(queues) => Ok(End::To(queues)),
        Decision::Reject(rejection) => Err(Refusal::Rejected(rejection)),
        Decision::DeadLetter(reason) => {
            Ok(End::Dead(letter(Fault::new(Cause::Decided, reason), plugin, chain)))
        }
        // `walk` has taken these two out before.
        Decision::Next | Decision::Emit(_) => Ok(End::Through),
    }
}

/// What the plugin's policy makes of its failure; `None`: on, as if it had said `next`.
fn failed(
    fault: Fault,
    slot: &Slot,
    plugin: &Plugin,
    chain: &Chain,
) -> Result<Option<End>, Refusal> {
    note(&fault, plugin, chain);
    match plugin.0.on_failure {
        OnFailure::DeadLetter => Ok(Some(End::Dead(letter(fault, plugin, chain)))),
        OnFailure::Next => Ok(None),
        OnFailure::Drop => {
            let reason = format!("{}: {}", fault.cause.code(), fault.reason);
            Ok(Some(End::Dropped(bounded_reason(reason))))
        }
        // The sender learns that it may come back, not what broke.
        OnFailure::Reject => Err(Refusal::Rejected(Rejection {
            code: RejectCode::Unavailable,
            reason: "a filter failed".to_owned(),
        })),
        OnFailure::Pause => {
            slot.pause(plugin, &fault.reason);
            Err(paused(plugin))
        }
    }
}

fn paused(plugin: &Plugin) -> Refusal {
    Refusal::PluginPaused { plugin: plugin.name().clone(), retry_after: PAUSED_RETRY_AFTER }
}

/// Counts the failure, and logs it unless the plugin fails faster than anyone can read.
fn note(fault: &Fault, plugin: &Plugin, chain: &Chain) {
    let about = &plugin.0.about;
    about.counts.failed(fault.cause);
    if about.failures.pass(Instant::now()) {
        tracing::warn!(
            plugin = about.name.as_str(),
            digest = about.digest_short,
            route = chain.route.as_str(),
            cause = fault.cause.code(),
            policy = ?plugin.0.on_failure,
            "a filter failed: {}",
            fault.reason
        );
    }
}

fn letter(fault: Fault, plugin: &Plugin, chain: &Chain) -> Letter {
    let about = &plugin.0.about;
    let mut letter = Letter::new(fault.cause, fault.reason);
    letter.route = Some(chain.route.clone());
    letter.plugin = Some((about.name.clone(), about.digest));
    letter
}

/// How many whole deadlines of a plugin all calls for one received event may take together.
const DEADLINES_MAX: u32 = 8;

/// An operator takes longer than a bound that is reached for a moment.
const PAUSED_RETRY_AFTER: Duration = Duration::from_secs(30);
