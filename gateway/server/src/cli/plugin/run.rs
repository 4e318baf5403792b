//! `sluicegate plugin run`: one event through one plugin.

use clap::Args;
use serde_json::json;
use sluicegate_filters::{Meter, Reuse, Said};

use super::golden;
use super::one::One;
use crate::cli::logging::{self, LogFormat};
use crate::cli::{CommandFault, say, say_error};

/// What `run` takes.
#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    one: One,
    /// Show the plugin's log lines from this level on.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

/// Asks, and prints the answer in the shape of a case's `expect`. Fails if there was no decision.
pub(super) fn run(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    logging::start(&ask.log, LogFormat::Text).map_err(CommandFault::Misused)?;
    let pair = ask.one.read()?;
    let answer = pair.start(Meter::Time)?.0.ask(&pair.event, Reuse::Fresh);
    let fuel = pair.start(Meter::Fuel)?.0.ask(&pair.event, Reuse::Fresh).fuel;
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
