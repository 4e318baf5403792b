//! `sluicegate schema`: the published JSON Schemas.

use clap::Subcommand;

use super::{CommandFault, say};
use crate::config::json_schema;

/// Which schema.
#[derive(Debug, Subcommand)]
pub(super) enum Which {
    /// The configuration file.
    Config,
    /// A file of cases for `sluicegate plugin test`.
    PluginCases,
    /// The manifest of a plugin's folder, `plugin.yaml`.
    Plugin,
}

/// Prints a schema, as `schemas/` holds it.
pub(super) fn print(which: &Which) -> Result<(), CommandFault> {
    let schema = match which {
        Which::Config => json_schema(),
        Which::PluginCases => super::plugin::json_schema(),
        Which::Plugin => super::plugin::manifest_schema(),
    };
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|fault| CommandFault::Input(fault.to_string()))?;
    say(&text);
    Ok(())
}
