//! `sluicegate plugin bench`: what a call costs on this machine.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use sluicegate_core::event::Event;
use sluicegate_filters::{Meter, Reuse, Said, Trial};

use super::one::One;
use crate::cli::table::Table;
use crate::cli::{CommandFault, say};

/// What `bench` takes.
#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    one: One,
    /// Calls to measure on one instance; a hundredth of them on fresh ones.
    #[arg(long, default_value_t = 100_000, value_parser = calls())]
    calls: u32,
}

fn calls() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(100..=10_000_000)
}

/// Measures calls on a kept instance and on fresh ones.
pub(super) fn bench(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    let pair = ask.one.read()?;
    let (mut trial, digest) = pair.start(Meter::Time)?;
    let digest = digest.to_string();
    let mut table = Table::new(&["instance", "calls", "p50 ns", "p90", "p99", "p99.9", "max"]);
    for (word, reuse, calls) in
        [("kept", Reuse::Kept, ask.calls), ("fresh", Reuse::Fresh, ask.calls / 100)]
    {
        let times = measure(&mut trial, &pair.event, reuse, calls)?;
        let at = |part: f64| percentile(&times, part).as_nanos();
        let all = [at(0.5), at(0.9), at(0.99), at(0.999), at(1.0)];
        if json {
            let [p50, p90, p99, p999, max] = all.map(|ns| ns as u64);
            let line = json!({
                "instance": word, "calls": calls, "p50_ns": p50, "p90_ns": p90, "p99_ns": p99,
                "p999_ns": p999, "max_ns": max, "sha256": digest,
            });
            say(&line.to_string());
        }
        let mut cells = vec![word.to_owned(), calls.to_string()];
        cells.extend(all.map(|ns| ns.to_string()));
        table.row(cells);
    }
    if !json {
        table.print();
    }
    Ok(())
}

/// The sorted times of so many calls, after a hundredth of them to warm up.
fn measure(
    trial: &mut Trial,
    event: &Event,
    reuse: Reuse,
    calls: u32,
) -> Result<Vec<Duration>, CommandFault> {
    let mut times = Vec::with_capacity(calls as usize);
    for call in 0..calls + calls / 100 {
        let asked = trial.ask(event, reuse);
        match asked.said {
            Said::Decided(_) | Said::Failed(_) => {}
            Said::NotAsked => {
                let why = "the plugin did not subscribe to the type of this event".to_owned();
                return Err(CommandFault::Input(why));
            }
            Said::Broke { cause, why } => {
                return Err(CommandFault::Input(format!(
                    "the plugin broke: {why} [{}]",
                    cause.code()
                )));
            }
        }
        if call >= calls / 100 {
            times.push(asked.took);
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}
