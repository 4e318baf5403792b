//! What `sluicegate schema` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluicegate_admission::schema::compat::Mode;
use sluicegate_core::ids::SchemaSubject;

use crate::cli::gateway::Gateway;

/// What is asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    pub(super) what: What,
}

/// What is done.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Whether a schema may replace another: what it would no longer read, with its place.
    Check(Check),
    /// Make a schema that all samples keep to.
    Infer(Infer),
    /// Look for what is likely a mistake in schemas.
    Lint(Lint),
    /// Register a schema with a running gateway, as the next version of its subject.
    Register(Register),
    /// List the subjects of a running gateway.
    Ls(Gateway),
    /// Show one version of a subject of a running gateway.
    Show(Show),
    /// Print the published schema of the configuration file.
    Config,
    /// Print the published schema of a file of cases for `sluicegate plugin test`.
    PluginCases,
    /// Print the published schema of the manifest of a plugin's folder, `plugin.yaml`.
    Plugin,
}

/// What `check` takes.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The schema that is there.
    pub(super) old: PathBuf,
    /// The schema that is to replace it.
    pub(super) new: PathBuf,
    /// Who must read whose data: backward, forward or full.
    #[arg(long, default_value = "backward")]
    pub(super) mode: Mode,
    /// A folder of schemas that both may refer to, as `schemas:` in a configuration.
    #[arg(long, value_name = "FOLDER")]
    pub(super) with: Option<PathBuf>,
    /// Take `format` for a demand in every draft.
    #[arg(long)]
    pub(super) assert_formats: bool,
    /// Print findings as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// What `infer` takes.
#[derive(Debug, Args)]
pub(super) struct Infer {
    /// Files of samples: each JSON, or one JSON document a line.
    #[arg(required = true)]
    pub(super) samples: Vec<PathBuf>,
}

/// What `lint` takes.
#[derive(Debug, Args)]
pub(super) struct Lint {
    /// The schemas.
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Print advice as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// What `register` takes.
#[derive(Debug, Args)]
pub(super) struct Register {
    /// The subject.
    pub(super) subject: SchemaSubject,
    /// The file of the schema.
    pub(super) file: PathBuf,
    /// What a name in it means: `NAME=SUBJECT:VERSION`. What is found by `$id` needs none.
    #[arg(long = "reference", value_name = "NAME=SUBJECT:VERSION")]
    pub(super) references: Vec<String>,
    /// Only say whether it could be registered.
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) of: Gateway,
}

/// What `show` takes.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The subject.
    pub(super) subject: SchemaSubject,
    /// The version; without it, the one that judges.
    #[arg(value_name = "VERSION", default_value = "latest")]
    pub(super) number: String,
    #[command(flatten)]
    pub(super) of: Gateway,
}
