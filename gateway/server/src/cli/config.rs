//! `sluicegate config show`: the configuration as it is in force, without anything secret.

use std::path::PathBuf;

use clap::Subcommand;

use super::{CommandFault, say};
use crate::clock::machine_clock;
use crate::config;
use crate::fault::RunFault;

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Print it as JSON, with what is left out filled in and every secret masked.
    Show {
        /// The configuration file.
        config: PathBuf,
    },
}

/// Does it.
pub(super) fn run(what: &What) -> Result<(), CommandFault> {
    let What::Show { config: file } = what;
    let mut plan = config::load(file, &machine_clock()).map_err(RunFault::from)?;
    let found = std::mem::take(&mut plan.found);
    if !found.is_empty() {
        return Err(RunFault::from(plan.faults(found)).into());
    }
    let text = serde_json::to_string_pretty(&config::effective(&plan))
        .map_err(|fault| CommandFault::Input(fault.to_string()))?;
    say(&text);
    Ok(())
}
