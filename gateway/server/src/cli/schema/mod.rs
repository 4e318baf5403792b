//! `sluicegate schema`: compares, infers and lints schemas in files; registers, lists and shows
//! those of a gateway that runs; prints those that are published.

mod arguments;
mod files;
mod gateway;

use super::{CommandFault, say};
use crate::config::json_schema;

pub(super) use arguments::Arguments;
use arguments::What;

/// Does what was asked.
pub(super) fn run(arguments: Arguments) -> Result<(), CommandFault> {
    match arguments.what {
        What::Config => print(&json_schema()),
        What::PluginCases => print(&super::plugin::json_schema()),
        What::Plugin => print(&super::plugin::manifest_schema()),
        What::Check(arguments) => files::check(&arguments),
        What::Infer(arguments) => files::infer(&arguments),
        What::Lint(arguments) => files::lint(&arguments),
        What::Register(arguments) => gateway::register(arguments),
        What::Ls(of) => gateway::list(&of),
        What::Show(arguments) => gateway::show(arguments),
    }
}

/// Prints a schema, as `schemas/` holds it.
fn print(schema: &serde_json::Value) -> Result<(), CommandFault> {
    let text = serde_json::to_string_pretty(schema)
        .map_err(|fault| CommandFault::Input(fault.to_string()))?;
    say(&text);
    Ok(())
}
