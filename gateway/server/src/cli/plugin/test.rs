//! `sluicegate plugin test`: a plugin held against its cases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use sluicegate_filters::{LoadFault, Meter, Reuse, Trial};

use super::golden;
use super::manifest::Folder;
use super::subject::{self, Limits, Subject};
use super::suite::{Case, Suite};
use super::sweep;
use crate::cli::table::{Table, plain};
use crate::cli::{CommandFault, say};
use crate::config::read_as;

/// What `test` takes.
#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The component, a core module that carries its component type, or a plugin's folder.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// The file of cases: that of the plugin's folder, else `cases.yaml`, if nothing is said.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Then ask about the event of the first case again, with its payload grown from 1 KB to 1 MB.
    #[arg(long)]
    sweep: bool,
    #[command(flatten)]
    limits: Limits,
}

/// What became of a case.
struct Verdict<'s> {
    case: &'s Case,
    said: Value,
    is_right: bool,
    took: Duration,
    fuel: Option<u64>,
    memory_bytes: usize,
}

/// Runs every case on a fresh instance; fails if one is not as expected.
pub(super) fn test(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    let (plugin, folder) = subject::named(&ask.plugin)?;
    let cases = ask.cases.clone().or_else(|| folder.as_ref().map(Folder::cases));
    let mut suite = suite(&cases.unwrap_or_else(|| PathBuf::from("cases.yaml")))?;
    if let Some(folder) = folder.filter(|_| suite.config.is_empty()) {
        suite.config = folder.manifest.config;
    }
    let limits = ask.limits.or(suite.deadline, suite.memory);
    let wanted = |case: &&Case| ask.only.as_deref().is_none_or(|part| case.name.contains(part));
    let cases: Vec<&Case> = suite.cases.iter().filter(wanted).collect();
    if cases.is_empty() {
        return Err(CommandFault::Misused("no case has that in its name".to_owned()));
    }
    let timed = Subject::open(&plugin, limits, Meter::Time)?;
    let counted = Subject::open(&plugin, limits, Meter::Fuel)?;
    let mut room = Room { suite: &suite, timed, counted, started: None };
    let mut failed = 0;
    let mut table = Table::new(&["", "case", "time us", "instructions", "memory KB"]);
    let mut wrong = Vec::new();
    for case in &cases {
        let verdict = room.judge(case)?;
        failed += usize::from(!verdict.is_right);
        if json {
            say(&verdict.json().to_string());
        }
        table.row(verdict.cells());
        if !verdict.is_right {
            wrong.push(verdict);
        }
    }
    if !json {
        table.print();
        wrong.iter().for_each(Verdict::explain);
        say(&format!("\n{} passed, {failed} failed", cases.len() - failed));
    }
    if ask.sweep {
        sweep::sweep(&room.timed, &room.counted, &suite, &cases, json)?;
    }
    if failed > 0 { Err(CommandFault::Told) } else { Ok(()) }
}

fn suite(file: &Path) -> Result<Suite, CommandFault> {
    let bad = |case: &Case, why: &str| {
        CommandFault::Input(format!("{}: case {:?}: {why}", file.display(), case.name))
    };
    let suite: Suite = read_as(file).map_err(|faults| CommandFault::Input(faults.to_string()))?;
    for case in &suite.cases {
        case.event.event().map_err(|why| bad(case, &format!("event: {why}")))?;
        if !case.expect.is_one() {
            let why = "expect: say one of decision, failure, broke, refused, unsubscribed";
            return Err(bad(case, why));
        }
    }
    Ok(suite)
}

/// The plugin on both engines, started with the configuration of the case before.
struct Room<'s> {
    suite: &'s Suite,
    timed: Subject,
    counted: Subject,
    started: Option<(&'s Map<String, Value>, Started)>,
}

type Started = Result<(Trial, Trial), LoadFault>;

impl<'s> Room<'s> {
    fn judge(&mut self, case: &'s Case) -> Result<Verdict<'s>, CommandFault> {
        let config = case.config.as_ref().unwrap_or(&self.suite.config);
        if self.started.as_ref().is_none_or(|(of, _)| *of != config) {
            let both = || Ok((self.timed.start(config)?, self.counted.start(config)?));
            self.started = Some((config, both()));
        }
        let (said, took, fuel, memory_bytes) = match self.started.as_mut().map(|(_, it)| it) {
            Some(Ok((timed, counted))) => {
                let event = case.event.event().map_err(CommandFault::Input)?;
                let asked = timed.ask(&event, Reuse::Fresh);
                let fuel = counted.ask(&event, Reuse::Fresh).fuel;
                (golden::said(&asked.said), asked.took, fuel, asked.memory_bytes)
            }
            Some(Err(fault)) => {
                let said = golden::refused(fault);
                let said =
                    said.ok_or_else(|| CommandFault::Input(format!("{fault} [{}]", fault.code())))?;
                (said, Duration::ZERO, None, 0)
            }
            None => (Value::Null, Duration::ZERO, None, 0),
        };
        let is_right = golden::is_as_expected(&case.expect, &said);
        Ok(Verdict { case, said, is_right, took, fuel, memory_bytes })
    }
}

impl Verdict<'_> {
    fn cells(&self) -> Vec<String> {
        let word = if self.is_right { "ok" } else { "FAILED" };
        vec![
            word.to_owned(),
            self.case.name.clone(),
            format!("{:.1}", self.took.as_secs_f64() * 1e6),
            self.fuel.map_or_else(|| "-".to_owned(), |fuel| fuel.to_string()),
            (self.memory_bytes / 1024).to_string(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "case": self.case.name, "ok": self.is_right, "said": self.said,
            "expected": self.case.expect, "time_ns": self.took.as_nanos() as u64,
            "instructions": self.fuel, "memory_bytes": self.memory_bytes,
        })
    }

    fn explain(&self) {
        let expected = serde_json::to_string(&self.case.expect).unwrap_or_default();
        say(&format!("\nFAILED: {}", plain(&self.case.name)));
        say(&format!("  expected: {}", plain(&expected)));
        say(&format!("  answered: {}", plain(&self.said.to_string())));
    }
}
