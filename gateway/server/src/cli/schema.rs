//! `sluicegate schema config`: the published JSON Schema of the configuration.

use clap::Subcommand;

use super::{CommandFault, say};
use crate::config::json_schema;

/// Which schema.
#[derive(Debug, Subcommand)]
pub(super) enum Which {
    /// The configuration file.
    Config,
}

/// Prints a schema, as `schemas/` holds it.
pub(super) fn print(which: &Which) -> Result<(), CommandFault> {
    match which {
        Which::Config => {
            let text = serde_json::to_string_pretty(&json_schema())
                .map_err(|fault| CommandFault::Input(fault.to_string()))?;
            say(&text);
        }
    }
    Ok(())
}
