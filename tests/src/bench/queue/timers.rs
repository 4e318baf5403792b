//! A million leased and a million delayed events: what an idle process spends on their timers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_core::queue::{QueueStats, Verb};
use sluicegate_core::seams::Engine as _;

use super::audit::Seen;
use super::drive;
use super::figures::{Figures, name};
use super::ours::engine::{Engine, LEASE};
use crate::bench::usage;

/// The queue whose events are delayed, and the one whose events stay leased.
const DELAYED: usize = 0;
const LEASED: usize = 1;
/// Events received at once.
const BATCH: usize = 500;
const FILLERS: usize = 512;

/// Makes the timers, and measures the idle process for twice `time`.
pub(super) async fn measure(folder: &Path, events: u64, time: Duration) -> Result<Figures, String> {
    let engine = Arc::new(Engine::open(folder, 2)?);
    drive::publish_all(&engine, 0..events, FILLERS).await?;
    let mut figures = Figures::default();
    let own = std::process::id();
    figures.set("before_resident_mb", usage::resident_bytes(own) as f64 / 1e6);
    let start = Instant::now();
    hold(&engine, LEASED, events, None).await?;
    figures.set("leases_per_second", events as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let later = Verb::Nack { delay: Some(LEASE), reason: "not now".into() };
    hold(&engine, DELAYED, events, Some(&later)).await?;
    figures.set("delays_per_second", events as f64 / start.elapsed().as_secs_f64());
    expect(&engine, events).await?;
    let (before, start) = (usage::cpu_time(own), Instant::now());
    tokio::time::sleep(time * 2).await;
    let used = usage::cpu_time(own).saturating_sub(before);
    figures.set(name::IDLE_CPU, used.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0);
    figures.set(name::RESIDENT, usage::resident_bytes(own) as f64 / 1e6);
    figures.set(name::RESIDENT_MAX, usage::resident_bytes_max(own) as f64 / 1e6);
    expect(&engine, events).await?;
    Ok(figures)
}

/// Receives every event of a queue, and settles it this way or keeps the lease.
async fn hold(
    engine: &Engine,
    queue: usize,
    events: u64,
    verb: Option<&Verb>,
) -> Result<(), String> {
    let seen = Seen::new(events);
    loop {
        let received = engine.receive(queue, BATCH).await?;
        if received.is_empty() {
            return seen.audit(events);
        }
        received.iter().for_each(|one| seen.show(&one.event.payload));
        if let Some(verb) = verb {
            engine.settle(queue, received, verb).await?;
        }
    }
}

/// Fails unless every event is delayed in one queue and leased in the other.
async fn expect(engine: &Engine, events: u64) -> Result<(), String> {
    let stats = engine.store.stats().await;
    let of = |queue: usize| -> QueueStats {
        let found = stats.iter().find(|(name, _)| name == engine.queue(queue));
        found.map(|(_, stats)| *stats).unwrap_or_default()
    };
    let (delayed, leased) = (of(DELAYED).delayed, of(LEASED).leased);
    if (delayed, leased) == (events, events) {
        return Ok(());
    }
    Err(format!("of {events} events, {delayed} are delayed and {leased} leased"))
}
