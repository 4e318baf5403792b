//! The command: from a folder with a manifest to a component, its size and its digest.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sluicegate_admission::sha256;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_filters::{Form, componentize, form};

use super::{c, go, javascript, python, rust};
use crate::cli::plugin::manifest::{Folder, Language};
use crate::cli::{CommandFault, say};

/// What `build` takes.
#[derive(Debug, Args)]
pub(in crate::cli::plugin) struct Ask {
    /// The plugin's folder, with `plugin.yaml`.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where to write the component, if not where the manifest says.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Builds a plugin, and says what it is.
pub(in crate::cli::plugin) fn build(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    let folder = Folder::read(&ask.folder)?;
    let made = match folder.manifest.language {
        Language::Rust => rust::build(&folder),
        Language::Javascript => javascript::build(&folder),
        Language::Python => python::build(&folder),
        Language::Go => go::build(&folder),
        Language::C | Language::Cpp => c::build(&folder),
    }?;
    let component = match form(&made) {
        Some(Form::Module) => componentize(&made).map_err(|fault| {
            CommandFault::Input(format!("{}: {fault} [{}]", ask.folder.display(), fault.code()))
        })?,
        Some(Form::Component) | None => made,
    };
    let file = ask.output.clone().unwrap_or_else(|| folder.component());
    std::fs::write(&file, &component).map_err(|fault| {
        CommandFault::Input(format!("cannot write {}: {fault}", file.display()))
    })?;
    let digest = sha256(&component).to_string();
    if json {
        let (path, about) = (file.to_string_lossy(), &folder.manifest);
        let line = json!({
            "name": about.name, "version": about.version, "component": path,
            "bytes": component.len(), "sha256": digest,
        });
        say(&line.to_string());
    } else {
        let (about, bytes) = (&folder.manifest, component.len());
        say(&format!("{} {}: {}, {bytes} bytes", about.name, about.version, file.display()));
        say(&format!("sha256 {digest}"));
    }
    if component.len() > PLUGIN_BYTES_MAX {
        return Err(CommandFault::Input(format!(
            "it is larger than a gateway takes: {PLUGIN_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}
