//! One measurement in a process of its own: fresh memory, fresh counters, and a preloaded shim
//! where a row asks for it. The parent hands over a [`Part`] as JSON and gets figures as JSON.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backlog::life;
use super::disk;
use super::drive::{self, Pace, Publish, Take, Used};
use super::figures::{Figures, name};
use super::ours::engine::Engine;
use super::ours::raw::{Ground, Raw};
use super::peers::{RabbitMq, Redis};
use super::shim::Shim;
use super::timers;
use crate::bench::usage;

/// The hidden first argument that makes the bench a part.
pub const ARGUMENT: &str = "queue-part";

/// What a part measures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) work: Work,
    /// Where it keeps its data.
    pub(super) folder: PathBuf,
    pub(super) seconds: f64,
}

/// The work of a part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Work {
    /// Producers alone, or producers and consumers.
    Drive { system: System, producers: usize, consumers: usize },
    /// Measures a store with nothing in it.
    Empty,
    /// Fills a backlog, measures with it, and commits until it is killed.
    Fill(life::Terms),
    /// Opens the folder of a killed part, and takes everything out.
    Recover(life::Terms),
    /// Leases and delays so many events each, and idles.
    Timers { events: u64 },
}

/// What is driven.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum System {
    Raw { ground: Ground },
    Engine { queues: usize },
    RabbitMq { port: u16, pid: u32, shim: Shim },
    Redis { port: u16, pid: u32, shim: Shim },
}

/// Longer than the slowest part on a slow machine.
const PART_TIME_MAX: Duration = Duration::from_secs(30 * 60);

impl Part {
    /// The command that runs it.
    pub(super) fn command(&self) -> Result<Command, String> {
        let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
        let text = serde_json::to_string(self).map_err(|fault| fault.to_string())?;
        let mut command = Command::new(own);
        command.arg(ARGUMENT).arg(text).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs it to its end, with this shim if there is one.
    ///
    /// # Errors
    /// What the part says is wrong.
    pub(super) fn run(&self, shim: Option<&Shim>) -> Result<Figures, String> {
        let mut command = self.command()?;
        if let Some(shim) = shim {
            shim.preload(&mut command);
        }
        let output =
            command.stderr(Stdio::inherit()).output().map_err(|fault| fault.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        read_figures(text.lines().last().unwrap_or_default())
    }
}

/// Reads the last line of a part.
pub(super) fn read_figures(line: &str) -> Result<Figures, String> {
    let done: Result<Figures, String> =
        serde_json::from_str(line).map_err(|_| format!("a part ended without figures: {line}"))?;
    done
}

/// Runs the part that the argument describes, and prints its figures or its fault.
#[must_use]
pub fn main(argument: &str) -> ExitCode {
    end_with_parent();
    let done = serde_json::from_str::<Part>(argument)
        .map_err(|fault| fault.to_string())
        .and_then(|part| part.measure());
    println!("{}", serde_json::json!(done));
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Ends this process soon after the one that started it: a part commits until it is told to stop.
fn end_with_parent() {
    let parent = rustix::process::getppid();
    std::thread::spawn(move || {
        while rustix::process::getppid() == parent {
            std::thread::sleep(Duration::from_millis(200));
        }
        std::process::exit(1);
    });
}

impl Part {
    fn measure(&self) -> Result<Figures, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|fault| fault.to_string())?;
        runtime.block_on(async {
            let done = tokio::time::timeout(PART_TIME_MAX, self.work());
            done.await.unwrap_or_else(|_| Err(format!("it took over {PART_TIME_MAX:?}")))
        })
    }

    async fn work(&self) -> Result<Figures, String> {
        let time = Duration::from_secs_f64(self.seconds);
        match &self.work {
            Work::Drive { system, producers, consumers } => {
                let pace = Pace { first: 0, producers: *producers, consumers: *consumers, time };
                self.drive(system, pace).await
            }
            Work::Empty => life::empty(&self.folder, time).await,
            Work::Fill(terms) => life::fill(&self.folder, terms, time).await,
            Work::Recover(terms) => life::recover(&self.folder, terms).await,
            Work::Timers { events } => timers::measure(&self.folder, *events, time).await,
        }
    }

    async fn drive(&self, system: &System, pace: Pace) -> Result<Figures, String> {
        let lanes = pace.consumers.max(1);
        match system {
            System::Raw { ground } => self.raw(*ground, pace).await,
            System::Engine { queues } => {
                let engine = Arc::new(Engine::open(&self.folder, *queues)?);
                measure(&engine, *queues, pace, || used(&self.folder, None)).await
            }
            System::RabbitMq { port, pid, shim } => {
                let client = Arc::new(RabbitMq::connect(*port, lanes, shim.clone()).await?);
                measure(&client, 1, pace, || used(&self.folder, Some(*pid))).await
            }
            System::Redis { port, pid, shim } => {
                let client = Arc::new(Redis::connect(*port, lanes, shim.clone()).await?);
                measure(&client, 1, pace, || used(&self.folder, Some(*pid))).await
            }
        }
    }

    async fn raw(&self, ground: Ground, pace: Pace) -> Result<Figures, String> {
        let per_producer = if pace.producers == 1 { ROOM_OF_ONE } else { ROOM_OF_MANY };
        let events = (per_producer * (self.seconds * 1.2 + 1.0)) as u64;
        let raw = Arc::new(Raw::start(&self.folder, ground, events)?);
        let (published, mut figures) =
            drive::commit(&raw, pace, || used(&self.folder, None)).await?;
        let raw = Arc::into_inner(raw).ok_or("a producer still holds the raw loop")?;
        raw.finish(published, &mut figures)?;
        Ok(figures)
    }
}

/// Events per second that the file of the raw loop has room for.
const ROOM_OF_ONE: f64 = 100_000.0;
const ROOM_OF_MANY: f64 = 400_000.0;

/// Measures, and audits every event: while it runs if there are consumers, afterwards if not.
async fn measure<S: Publish + Take>(
    system: &Arc<S>,
    lanes: usize,
    pace: Pace,
    used: impl Fn() -> Used,
) -> Result<Figures, String> {
    let figures = if pace.consumers > 0 {
        drive::through(system, pace, used).await?
    } else {
        let (published, figures) = drive::commit(system, pace, used).await?;
        drive::drain(system, lanes, published).await?;
        figures
    };
    match figures.get(name::FLUSHES) {
        Some(flushes) if flushes > 0.0 => Ok(figures),
        _ => Err("it did not flush: nothing was made durable, or the shim was not met".into()),
    }
}

fn used(folder: &Path, server: Option<u32>) -> Used {
    Used {
        own: usage::cpu_time(std::process::id()),
        server: server.map(usage::cpu_time),
        machine: usage::machine_cpu_time(),
        disk_flushes: disk::flushes(folder),
    }
}
