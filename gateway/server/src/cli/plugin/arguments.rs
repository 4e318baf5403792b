//! What can be said after `sluicegate plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{bench, build, diff, gateway, inspect, new, registry, run as run_one, test};
use crate::cli::CommandFault;

/// Make, build, test and look at plugins, and see to those of a running gateway.
///
/// Exit codes: 0 done; 1 a case failed, two versions differ, or the plugin or an input is bad; 2
/// the command is misused; 3 the gateway does not answer, or something failed while running. The
/// token of the admin API is taken from the environment: SLUICEGATE_ADMIN_TOKEN.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct Arguments {
    /// Print JSON: one document a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a plugin: a folder with a filter, its tests and the SDK, that builds at once.
    New(new::Ask),
    /// Build a plugin with the tool of its language, and make a component of it.
    Build(build::Ask),
    /// Hold a plugin against its cases: same engine, same limits as in the gateway.
    Test(test::Ask),
    /// Ask a plugin about one event, and print its answer in the shape of a case.
    Run(run_one::Ask),
    /// How long a plugin takes for one event: nanoseconds a call, in percentiles.
    Bench(bench::Ask),
    /// What a file is: world, version, imports (its requested capabilities), digest, size.
    Inspect {
        /// The component, a core module that carries its component type, or a plugin's folder.
        #[arg(default_value = ".")]
        plugin: PathBuf,
    },
    /// Push a plugin to a registry, and print the name that pins it.
    Push(registry::Push),
    /// Pull a plugin from a registry into a file, and print the name that pins it.
    Pull(registry::Pull),
    /// What two versions decide about past events of a queue, and where they differ.
    Diff(diff::Ask),
    #[command(flatten)]
    Gateway(gateway::Verb),
}

/// Does what was said.
pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), CommandFault> {
    let Arguments { json, verb } = arguments;
    match verb {
        Verb::New(ask) => new::new(&ask, json),
        Verb::Build(ask) => build::build(&ask, json),
        Verb::Test(ask) => test::test(&ask, json),
        Verb::Run(ask) => run_one::run(&ask, json),
        Verb::Bench(ask) => bench::bench(&ask, json),
        Verb::Inspect { plugin } => inspect::inspect(&plugin, json),
        Verb::Push(ask) => registry::push(&ask, json),
        Verb::Pull(ask) => registry::pull(&ask, json),
        Verb::Diff(ask) => diff::diff(&ask, json),
        Verb::Gateway(verb) => gateway::run(verb, json),
    }
}
