//! The command: measures the rows that are asked for, in turns, and prints them.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::backlog;
use super::disk;
use super::figures::{Figures, name};
use super::kill;
use super::options::{HELP, Options};
use super::part::{Part, System, Work};
use super::peers::{Peer, version};
use super::report::{self, Measured};
use super::rows::{self, Disk, Kind, Row, SLOW_US, Under};
use super::shim::Shim;
use crate::bench::asked::{asked, asks_for_help};
use crate::bench::machine;
use crate::bench::usage;
use crate::bench::variants::data_folder;

/// The first argument that asks for this bench.
pub const ARGUMENT: &str = "queue";

/// Runs the bench as its arguments say. Fails if data was wrong, or a row could not be measured.
#[must_use]
pub fn main(arguments: Vec<String>) -> ExitCode {
    let kills = arguments.first().is_some_and(|first| first == kill::ARGUMENT);
    if kills && !asks_for_help(&arguments) {
        return kill::main(arguments.into_iter().skip(1));
    }
    let options = match asked(arguments, HELP, Options::parse) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let rows = rows::wanted(&options);
    if rows.is_empty() {
        eprintln!("no row has such a name; there are: {}", rows::ALL.map(|row| row.name).join(" "));
        return ExitCode::from(2);
    }
    let all = measure(&rows, &options);
    let machine = describe();
    match options.json {
        false => print!("{}", report::table(&all, &machine, &options)),
        true => println!("{}", report::json(&all, &machine, &options)),
    }
    let clean = all.iter().all(|measured| measured.faults.is_empty());
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures every row once in each round. The backlog and the timers are states, not rates: once.
fn measure(rows: &[Row], options: &Options) -> Vec<Measured> {
    let measured = |row: &Row| Measured { row: *row, runs: Vec::new(), faults: Vec::new() };
    let mut all: Vec<Measured> = rows.iter().map(measured).collect();
    for round in 1..=options.runs {
        for measured in &mut all {
            let state = matches!(measured.row.kind, Kind::Backlog | Kind::Timers);
            // What failed once would fail again, and take as long.
            if (state && round > 1) || !measured.faults.is_empty() {
                continue;
            }
            match run_in_quiet(measured.row, options) {
                Ok(figures) => {
                    let rate = figures.get(name::RATE);
                    let rate = rate.map_or(String::new(), |rate| format!(" {rate:.0} events/s"));
                    eprintln!("round {round}: {}{rate}", measured.row.name);
                    measured.runs.push(figures);
                }
                Err(fault) => {
                    eprintln!("round {round}: {}: NO FIGURE: {fault}", measured.row.name);
                    measured.faults.push(fault);
                }
            }
        }
    }
    all
}

/// One run; again, as long as the patience lasts, if something else was at work meanwhile.
fn run_in_quiet(row: Row, options: &Options) -> Result<Figures, String> {
    let give_up = Instant::now() + options.patience;
    loop {
        wait_for_quiet(give_up);
        let figures = run(row, options)?;
        let others = figures.get(name::OTHERS).unwrap_or_default();
        if others < DISTURBED_PERCENT || Instant::now() > give_up {
            return Ok(figures);
        }
    }
}

/// Waits until nothing else is at work on this machine, or the time is up.
fn wait_for_quiet(give_up: Instant) {
    while Instant::now() < give_up {
        let (before, start) = (usage::machine_cpu_time(), Instant::now());
        std::thread::sleep(LOOK);
        let busy = usage::machine_cpu_time().saturating_sub(before);
        if busy.as_secs_f64() < start.elapsed().as_secs_f64() * QUIET {
            return;
        }
    }
}

/// How long one look at the machine takes, and how much of a core may be in use.
const LOOK: Duration = Duration::from_secs(1);
const QUIET: f64 = 0.1;
/// With more of a core in use by others, a run was disturbed.
const DISTURBED_PERCENT: f64 = 25.0;

/// One run of a row, with a data folder of its own.
fn run(row: Row, options: &Options) -> Result<Figures, String> {
    let folder = TempDir::with_prefix_in("queue-", data_folder());
    let folder = folder.map_err(|fault| fault.to_string())?;
    let path = folder.path();
    let data = path.join("data");
    std::fs::create_dir(&data).map_err(|fault| fault.to_string())?;
    let part = |work| Part { work, folder: data.clone(), seconds: options.seconds };
    match row.kind {
        Kind::Drive { under, producers, consumers, disk } => {
            disk::require_free(path, (options.seconds * DRIVE_BYTES_PER_SECOND) as u64)?;
            let shim = Shim::make(path, if disk == Disk::Slow { SLOW_US } else { 0 });
            // Ours tell their flushes; the shim is only for what does not, and to slow down.
            let (system, own, server) = match under {
                Under::Raw(ground) => (System::Raw { ground }, disk == Disk::Slow, None),
                Under::Engine { queues } => (System::Engine { queues }, disk == Disk::Slow, None),
                Under::Peer(peer) => {
                    let shim = shim.clone()?;
                    let server = peer.start(&path.join("server"), &shim)?;
                    let (port, pid) = (server.port, server.pid());
                    let system = match peer {
                        Peer::RabbitMq => System::RabbitMq { port, pid, shim },
                        Peer::Redis => System::Redis { port, pid, shim },
                    };
                    (system, false, Some(server))
                }
            };
            let shim = if own { Some(shim?) } else { None };
            let figures = part(Work::Drive { system, producers, consumers }).run(shim.as_ref());
            drop(server);
            slowed(figures?, own)
        }
        Kind::Backlog => backlog::run(path, options),
        Kind::Timers => {
            disk::require_free(path, options.timers * 2 * EVENT_BYTES)?;
            part(Work::Timers { events: options.timers }).run(None)
        }
    }
}

/// Fails if flushes were to be slow and were not: then the shim was not met.
fn slowed(figures: Figures, slow: bool) -> Result<Figures, String> {
    let mean = figures.get(name::FLUSH_MEAN).unwrap_or_default();
    if slow && mean < SLOW_US as f64 {
        return Err(format!("a flush took {mean:.0} us: the shim was not met"));
    }
    Ok(figures)
}

/// More than any system writes in a second here.
const DRIVE_BYTES_PER_SECOND: f64 = 600e6;
/// Bytes of an event in the log, generously.
pub(super) const EVENT_BYTES: u64 = 1400;

fn describe() -> Value {
    let folder = data_folder();
    let mut machine = machine::describe(&folder);
    machine["disk"] = json!(disk_name(&folder));
    machine["rabbitmq"] = json!(version(Peer::RabbitMq));
    machine["redis"] = json!(version(Peer::Redis));
    machine
}

fn disk_name(folder: &Path) -> String {
    disk::name(folder).unwrap_or_else(|| "unknown".to_owned())
}
