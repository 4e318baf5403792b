//! How a job is worked off at a station, alone or together with others. No job loses its answer to
//! another one, nor to a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sluicegate_core::event::Event;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::state::Session;

use crate::jobs::{Job, Jobs};
use crate::plugin::Plugin;
use crate::spec::{Chain, Decided};
use crate::station::Station;
use crate::together::{Ahead, Together};

/// What the chains decided.
pub(crate) type Answer = Result<Decided, Refusal>;

/// Works off one job. If others wait for the same plugin, and it takes them together, it is asked
/// about all of them; then they go back to the front of the line, for any worker to go on with.
pub(crate) fn work(station: &mut Station, jobs: &Jobs, job: Job) {
    let Some(plugin) = job.may_be_asked_together() else { return answer(station, job) };
    let events_max = plugin.0.together.as_ref().map_or(1, Together::events_max);
    let is_alike = |other: &Job| other.may_be_asked_together().as_ref() == Some(&plugin);
    let more = jobs.take_alike(events_max.saturating_sub(1), is_alike);
    if more.is_empty() {
        return answer(station, job);
    }
    ask_together(station, jobs, &plugin, std::iter::once(job).chain(more).collect());
}

/// Asks about the events of all these jobs in one call. A batch that fails costs no job its
/// answer: each is worked off alone.
fn ask_together(station: &mut Station, jobs: &Jobs, plugin: &Plugin, mut all: Vec<Job>) {
    let events: Vec<&Event> = all.iter().map(|job| &job.event).collect();
    let said = catch_unwind(AssertUnwindSafe(|| station.ask_together(plugin, &events)));
    let verdicts = said.unwrap_or_else(|_| {
        let name = plugin.name().as_str();
        tracing::error!(plugin = name, "a batch panicked the host; its station is cleared");
        station.clear();
        None
    });
    let Some(verdicts) = verdicts else {
        return all.into_iter().for_each(|job| answer(station, job));
    };
    for (job, verdict) in all.iter_mut().zip(verdicts) {
        job.ahead = Some(Ahead::new(plugin, &job.event, verdict));
    }
    jobs.put_back(all);
}

/// Takes one event through its chains, and answers.
fn answer(station: &mut Station, job: Job) {
    let Job { event, chains, session, ahead, reply } = job;
    let decided = decide(station, &event, &chains, session, ahead);
    // The plugins are let go before the answer is out: who has it may count on that.
    drop(chains);
    if let Some(answer) = decided {
        // Nobody may be waiting any more: then nothing was stored, and nothing is lost.
        let _ = reply.send(answer);
    }
}

/// Walks the chains. A panic here is a fault of ours or of the engine: it costs this event its
/// answer and this station its instances, and nothing else.
pub(crate) fn decide(
    station: &mut Station,
    event: &Event,
    chains: &[Arc<Chain>],
    mut session: Option<Session>,
    ahead: Option<Ahead>,
) -> Option<Answer> {
    let walk = AssertUnwindSafe(|| station.decide(event, chains, &mut session, ahead));
    let decided = catch_unwind(walk);
    if decided.is_err() {
        tracing::error!(event = %event.id, "a filter panicked the host; its station is cleared");
        station.clear();
    }
    let chains = match decided.ok()? {
        Ok(chains) => chains,
        Err(refusal) => return Some(Err(refusal)),
    };
    let state = session.map(Session::into_transaction).unwrap_or_default();
    Some(Ok(Decided { chains, state }))
}
