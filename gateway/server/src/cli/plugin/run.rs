//! `sluicegate plugin run`: one event through one plugin.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sluicegate_filters::{Asked, Meter, Reuse, Said};

use super::golden;
use super::sample::Sample;
use super::subject::{self, Limits, Subject};
use crate::cli::logging::{self, LogFormat};
use crate::cli::{CommandFault, say, say_error};
use crate::config::read_as;

/// What `run` takes.
#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The component, a core module that carries its component type, or a plugin's folder.
    plugin: PathBuf,
    /// The event: a YAML or JSON file in the shape of a case's `event`.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// The plugin's configuration: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// Show the plugin's log lines from this level on.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
    #[command(flatten)]
    limits: Limits,
}

/// Asks, and prints the answer in the shape of a case's `expect`. Fails if there was no decision.
pub(super) fn run(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    logging::start(&ask.log, LogFormat::Text).map_err(CommandFault::Misused)?;
    let event = event(&ask.event)?;
    let (plugin, folder) = subject::named(&ask.plugin)?;
    let config = subject::config(ask.config.as_deref(), folder.as_ref())?;
    let asked = |meter| -> Result<Asked, CommandFault> {
        let subject = Subject::open(&plugin, ask.limits, meter)?;
        let mut trial =
            subject.start(&config).map_err(|fault| subject::refused(&plugin, &fault.into()))?;
        Ok(trial.ask(&event, Reuse::Fresh))
    };
    let answer = asked(Meter::Time)?;
    let fuel = asked(Meter::Fuel)?.fuel;
    let said = golden::said(&answer.said);
    if json {
        let time_ns = answer.took.as_nanos() as u64;
        let costs = json!({
            "said": said, "time_ns": time_ns, "instructions": fuel,
            "memory_bytes": answer.memory_bytes,
        });
        say(&costs.to_string());
    } else {
        say(&serde_json::to_string_pretty(&said).unwrap_or_default());
        let fuel = fuel.map_or_else(String::new, |fuel| format!(", {fuel} instructions"));
        let memory = answer.memory_bytes / 1024;
        say_error(&format!("{:?}{fuel}, {memory} KB of memory", answer.took));
    }
    match answer.said {
        Said::Decided(_) | Said::NotAsked => Ok(()),
        Said::Failed(_) | Said::Broke { .. } => Err(CommandFault::Told),
    }
}

/// Reads an event.
pub(super) fn event(file: &std::path::Path) -> Result<sluicegate_core::event::Event, CommandFault> {
    let sample: Sample = read_as(file).map_err(|faults| CommandFault::Input(faults.to_string()))?;
    sample.event().map_err(|why| CommandFault::Input(format!("{}: {why}", file.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::cli::plugin::suite::Expect;

    #[test]
    fn what_run_prints_is_what_a_case_expects() {
        let said = json!({ "decision": "drop", "reason": "spam" });
        let expect: Expect = serde_json::from_value(said.clone()).unwrap();
        assert!(golden::is_as_expected(&expect, &said));
        let other: Value = json!({ "decision": "next" });
        assert!(!golden::is_as_expected(&expect, &other));
    }
}
