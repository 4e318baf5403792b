//! The command: writes the folder, and says what to do with it. It writes over nothing.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sluicegate_core::ids::PluginName;

use super::files::{NewFile, files};
use crate::cli::plugin::manifest::Language;
use crate::cli::{CommandFault, say};

/// What `new` takes.
#[derive(Debug, Args)]
pub(in crate::cli::plugin) struct Ask {
    /// The language.
    #[arg(long, value_enum)]
    lang: Language,
    /// The name of the plugin, and of the folder: letters, digits, `-`.
    name: String,
}

/// Makes a plugin.
pub(in crate::cli::plugin) fn new(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    named(&ask.name)?;
    let folder = PathBuf::from(&ask.name);
    let failed = |doing: &str, path: &Path, fault: &io::Error| {
        CommandFault::Input(format!("cannot {doing} {}: {fault}", path.display()))
    };
    // Fails if anything is there, so nothing is written over.
    fs::create_dir(&folder).map_err(|fault| failed("make", &folder, &fault))?;
    let files = files(ask.lang, &ask.name);
    for file in &files {
        write(&folder, file).map_err(|fault| failed("write", Path::new(&file.path), &fault))?;
    }
    if json {
        say(&json!({ "folder": ask.name, "files": files.len() }).to_string());
    } else {
        say(&format!("{}: {} files. Then:", ask.name, files.len()));
        say(&format!("  sluicegate plugin build {0}\n  sluicegate plugin test {0}", ask.name));
    }
    Ok(())
}

/// A name that every language takes for that of a package.
fn named(name: &str) -> Result<(), CommandFault> {
    let is_right = name.parse::<PluginName>().is_ok()
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if is_right {
        return Ok(());
    }
    let why = format!("{name:?} is no name: a small letter, then small letters, digits and `-`");
    Err(CommandFault::Misused(why))
}

fn write(folder: &Path, file: &NewFile) -> io::Result<()> {
    let path = folder.join(&file.path);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(&path, &file.bytes)?;
    if file.runs {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
