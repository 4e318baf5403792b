//! What `run` and `bench` take both: one plugin, its configuration and limits, and one event.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};
use sluicegate_core::event::Event;
use sluicegate_core::ids::Digest;
use sluicegate_filters::{Meter, Trial};

use super::sample::Sample;
use super::subject::{self, Limits, Subject};
use crate::cli::CommandFault;
use crate::config::read_as;

/// One plugin and one event, as they are said on the command line.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The component, a core module that carries its component type, or a plugin's folder.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// The event: a YAML or JSON file in the shape of a case's `event`.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// The plugin's configuration: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    #[command(flatten)]
    limits: Limits,
}

/// One plugin and one event, read.
pub(super) struct Pair {
    /// The event.
    pub(super) event: Event,
    plugin: PathBuf,
    config: Map<String, Value>,
    limits: Limits,
}

impl One {
    /// Reads them.
    pub(super) fn read(&self) -> Result<Pair, CommandFault> {
        let sample: Sample =
            read_as(&self.event).map_err(|faults| CommandFault::Input(faults.to_string()))?;
        let event = sample
            .event()
            .map_err(|why| CommandFault::Input(format!("{}: {why}", self.event.display())))?;
        let (plugin, folder) = subject::named(&self.plugin)?;
        let config = subject::config(self.config.as_deref(), folder.as_ref())?;
        Ok(Pair { event, plugin, config, limits: self.limits })
    }
}

impl Pair {
    /// Compiles the plugin and starts it; with the digest of its file.
    pub(super) fn start(&self, meter: Meter) -> Result<(Trial, Digest), CommandFault> {
        let subject = Subject::open(&self.plugin, self.limits, meter)?;
        let started = subject.start(&self.config);
        let trial = started.map_err(|fault| subject::refused(&self.plugin, &fault.into()))?;
        Ok((trial, subject.digest()))
    }
}
