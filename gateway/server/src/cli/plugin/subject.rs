//! The plugin that a command is about: its file, its limits, and how it is started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};
use sluicegate_admission::sha256;
use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_core::state::Grant;
use sluicegate_filters::{LoadFault, Meter, OnFailure, Terms, Trial, TrialFault, Trials};

use super::manifest::Folder;
use crate::cli::CommandFault;
use crate::config::{Size, Span, shown};

/// The limits of a plugin, as a configuration has them.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Limits {
    /// How long one call may run: `10ms`.
    #[arg(long, value_name = "TIME", value_parser = shown::<Span>)]
    deadline: Option<Span>,
    /// Memory of one instance: `64MiB`.
    #[arg(long, value_name = "SIZE", value_parser = shown::<Size>)]
    memory: Option<Size>,
}

/// A plugin that was compiled.
pub(super) struct Subject {
    trials: Trials,
    name: PluginName,
    digest: Digest,
    limits: Limits,
}

impl Limits {
    /// These, and where nothing is said, those.
    pub(super) fn or(self, deadline: Option<Span>, memory: Option<Size>) -> Self {
        Self { deadline: self.deadline.or(deadline), memory: self.memory.or(memory) }
    }
}

impl Subject {
    /// Reads and compiles a plugin.
    pub(super) fn open(file: &Path, limits: Limits, meter: Meter) -> Result<Self, CommandFault> {
        let bytes = read(file)?;
        let trials = Trials::open(&bytes, meter).map_err(|fault| refused(file, &fault))?;
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let name = stem.parse().or_else(|_| "plugin".parse());
        let name = name.map_err(|fault| CommandFault::Input(format!("{stem}: {fault}")))?;
        Ok(Self { trials, name, digest: sha256(&bytes), limits })
    }

    /// The digest of its file.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Starts it with a configuration.
    pub(super) fn start(&self, config: &Map<String, Value>) -> Result<Trial, LoadFault> {
        let memory = self.limits.memory.map_or(64 << 20, |size| size.0);
        let terms = Terms {
            config: Value::Object(config.clone()).to_string(),
            deadline: self.limits.deadline.map_or(Duration::from_millis(10), |span| span.0),
            memory_bytes_max: usize::try_from(memory).unwrap_or(usize::MAX),
            on_failure: OnFailure::DeadLetter,
            recycle_calls: 0,
            // A trial may remember: what it does is seen, and nothing of it is kept.
            state: Some(Grant::default()),
        };
        self.trials.start(self.name.clone(), self.digest, terms)
    }
}

/// What a path on the command line names: a component, or a plugin's folder.
pub(super) fn named(path: &Path) -> Result<(PathBuf, Option<Folder>), CommandFault> {
    if !path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let folder = Folder::read(path)?;
    let component = folder.component();
    if !component.exists() {
        return Err(CommandFault::Input(format!(
            "there is no {}: `sluicegate plugin build {}` makes it",
            component.display(),
            folder.root().display()
        )));
    }
    Ok((component, Some(folder)))
}

/// Reads a plugin's file, if it can be one.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CommandFault> {
    let unreadable =
        |fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display()));
    let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
    if bytes > PLUGIN_BYTES_MAX as u64 {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        return Err(refused(file, &TrialFault::Load(LoadFault::TooLarge { bytes })));
    }
    std::fs::read(file).map_err(unreadable)
}

/// The fault of a plugin that cannot be loaded, with its code.
pub(super) fn refused(file: &Path, fault: &TrialFault) -> CommandFault {
    CommandFault::Input(format!("{}: {fault} [{}]", file.display(), fault.code()))
}

/// The configuration to try a plugin with: what the command line says (JSON, or `@FILE`), else what
/// the plugin's folder says.
pub(super) fn config(
    text: Option<&str>,
    folder: Option<&Folder>,
) -> Result<Map<String, Value>, CommandFault> {
    let text = match text {
        None => return Ok(folder.map(|it| it.manifest.config.clone()).unwrap_or_default()),
        Some(text) => match text.strip_prefix('@').map(PathBuf::from) {
            Some(file) => std::fs::read_to_string(&file).map_err(|fault| {
                CommandFault::Input(format!("cannot read {}: {fault}", file.display()))
            })?,
            None => text.to_owned(),
        },
    };
    serde_json::from_str(&text)
        .map_err(|fault| CommandFault::Misused(format!("--config is a JSON object: {fault}")))
}
