//! The lives of a store with a backlog, as child processes run them.
//!
//! What was acknowledged to a producer or a consumer is noted in files beside the data folder: the
//! notes outlive a killed process, and the last life is held against them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sluicegate_core::seams::Engine as _;

use super::super::audit::{Due, Seen};
use super::super::drive::{self, Flushes, Pace, Publish, Take, Used};
use super::super::figures::{Figures, name};
use super::super::ours::engine::Engine;
use crate::bench::usage;

/// How large the backlog is, and where notes are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench::queue) struct Terms {
    pub(super) events: u64,
    pub(super) notes: PathBuf,
}

/// Fresh commits per second.
pub(super) const COMMIT_RATE: &str = "commits_per_second";
/// Receives and acknowledgements per second.
pub(super) const DRAIN_RATE: &str = "drained_per_second";

const QUEUES: usize = 4;
const PRODUCERS: usize = 64;
/// Producers that only fill: enough that the fill does not take longer than the measurements.
const FILLERS: usize = 512;
/// Events that a draining consumer takes at once.
const TAKE: usize = 64;

impl Terms {
    /// The numbers whose commit was acknowledged in the last moments before the kill.
    pub(super) fn committed(&self) -> PathBuf {
        self.notes.join("committed")
    }

    /// The numbers whose settlement was acknowledged.
    fn settled(&self) -> PathBuf {
        self.notes.join("settled")
    }

    /// How many events were acknowledged before the last moments.
    fn published(&self) -> PathBuf {
        self.notes.join("published")
    }
}

/// The engine with each event in one of its queues, in turns.
struct Spread {
    engine: Engine,
    /// Where acknowledged commits are noted, in the last moments.
    notes: Option<File>,
}

impl Publish for Spread {
    async fn publish(&self, number: u64, payload: Vec<u8>) -> Result<(), String> {
        let queue = self.engine.queue(number as usize).clone();
        self.engine.commit(number, payload, &[queue]).await?;
        if let Some(mut notes) = self.notes.as_ref() {
            // One write that appends: whole numbers only.
            notes.write_all(&number.to_le_bytes()).map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }

    fn flushes(&self) -> Flushes {
        self.engine.flushes()
    }
}

impl Take for Spread {
    async fn take(
        &self,
        lane: usize,
        max: usize,
        show: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<usize, String> {
        self.engine.take(lane, max, show).await
    }
}

/// The first life: a store with nothing in it.
pub(in crate::bench::queue) async fn empty(
    folder: &Path,
    time: Duration,
) -> Result<Figures, String> {
    let spread = Arc::new(Spread { engine: Engine::open(folder, QUEUES)?, notes: None });
    let mut figures = Figures::default();
    let published = commits(&spread, 0, time, &mut figures).await?;
    let seen = Arc::new(Seen::new(published));
    figures.set(DRAIN_RATE, drive::drain_for(&spread, QUEUES, TAKE, time, &seen).await?);
    drive::drain_for(&spread, QUEUES, TAKE, DRAIN, &seen).await?;
    seen.audit(published)?;
    Ok(figures)
}

/// The second life: fills, measures, says so in one line, and commits until it is killed.
pub(in crate::bench::queue) async fn fill(
    folder: &Path,
    terms: &Terms,
    time: Duration,
) -> Result<Figures, String> {
    let engine = Engine::open(folder, QUEUES)?;
    let spread = Arc::new(Spread { engine, notes: None });
    let start = Instant::now();
    drive::publish_all(&spread, 0..terms.events, FILLERS).await?;
    let own = std::process::id();
    let mut figures = Figures::default();
    figures.set("fill_events_per_second", terms.events as f64 / start.elapsed().as_secs_f64());
    figures.set(name::RESIDENT, usage::resident_bytes(own) as f64 / 1e6);
    figures.set(name::RESIDENT_MAX, usage::resident_bytes_max(own) as f64 / 1e6);
    figures.set("disk_gb", spread.engine.store.metrics().disk_bytes as f64 / 1e9);
    let published = commits(&spread, terms.events, time, &mut figures).await?;
    let seen = Arc::new(Seen::new(published));
    figures.set(DRAIN_RATE, drive::drain_for(&spread, QUEUES, TAKE, time, &seen).await?);
    note(terms, published, &seen)?;
    let spread = Arc::into_inner(spread).ok_or("a producer still holds the store")?;
    let notes = OpenOptions::new().create(true).append(true).open(terms.committed());
    let notes = notes.map_err(|fault| fault.to_string())?;
    let spread = Arc::new(Spread { notes: Some(notes), ..spread });
    println!("{}", serde_json::json!(Ok::<_, String>(&figures)));
    drive::publish_all(&spread, published..u64::MAX, PRODUCERS).await?;
    Err("nobody killed this process".into())
}

/// The third life: opens the folder of the killed process, and takes everything out.
pub(in crate::bench::queue) async fn recover(
    folder: &Path,
    terms: &Terms,
) -> Result<Figures, String> {
    let start = Instant::now();
    let engine = Engine::open(folder, QUEUES)?;
    let took = start.elapsed();
    let own = std::process::id();
    let mut figures = Figures::default();
    figures.set(name::RECOVERY, took.as_secs_f64());
    let told = engine.store.metrics().recovery_time;
    figures.set("recovery_told_seconds", told.as_secs_f64());
    figures.set(name::START_MAX, usage::resident_bytes_max(own) as f64 / 1e6);
    let published = numbers(&terms.published())?.first().copied().unwrap_or_default();
    let committed = numbers(&terms.committed())?;
    let end = committed.iter().max().map_or(published, |last| last + 1) + PRODUCERS as u64;
    let (settled, acked) = (Seen::new(end), Seen::new(end));
    settled.mark_all(numbers(&terms.settled())?);
    acked.mark_all(committed);
    let seen = Arc::new(Seen::new(end));
    let spread = Arc::new(Spread { engine, notes: None });
    let rate = drive::drain_for(&spread, QUEUES, TAKE, DRAIN, &seen).await?;
    figures.set("recovered_drained_per_second", rate);
    seen.audit_with(|number| match number {
        _ if settled.has(number) => Due::MustNot,
        _ if number < published || acked.has(number) => Due::Must,
        _ => Due::May,
    })?;
    let stats = spread.engine.store.stats().await;
    let left: u64 = stats.iter().map(|(_, stats)| stats.depth).sum();
    if left > 0 { Err(format!("{left} events are left in the queues")) } else { Ok(figures) }
}

/// Longer than a backlog takes to be drained.
const DRAIN: Duration = Duration::from_secs(20 * 60);

/// Measures fresh commits from this number on; the next free number.
async fn commits(
    spread: &Arc<Spread>,
    first: u64,
    time: Duration,
    figures: &mut Figures,
) -> Result<u64, String> {
    let pace = Pace { first, producers: PRODUCERS, consumers: 0, time };
    let (published, measured) = drive::commit(spread, pace, Used::default).await?;
    figures.set(COMMIT_RATE, measured.get(name::RATE).unwrap_or(f64::NAN));
    figures.set("commit_p99_us", measured.get(name::P99).unwrap_or(f64::NAN));
    Ok(published)
}

fn note(terms: &Terms, published: u64, seen: &Seen) -> Result<(), String> {
    let text = |fault: std::io::Error| fault.to_string();
    let settled = (0..published).filter(|number| seen.has(*number));
    let settled: Vec<u8> = settled.flat_map(u64::to_le_bytes).collect();
    fs::write(terms.settled(), settled).map_err(text)?;
    fs::write(terms.published(), published.to_le_bytes()).map_err(text)
}

fn numbers(path: &Path) -> Result<Vec<u64>, String> {
    let bytes = fs::read(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let words = bytes.chunks_exact(size_of::<u64>());
    Ok(words.filter_map(|word| word.first_chunk()).map(|word| u64::from_le_bytes(*word)).collect())
}
