//! A folder to build in, which is gone afterwards: a plugin's source, its SDK and its contract side
//! by side, where the source itself stays untouched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// A folder that ends with the build.
pub(super) struct Stage(TempDir);

impl Stage {
    /// A new one.
    pub(super) fn new() -> Result<Self, CommandFault> {
        let folder = TempDir::with_prefix("sluicegate-build-");
        folder.map(Self).map_err(|fault| failed("make a temporary folder", &fault))
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Copies a folder or a file into it, without those names.
    pub(super) fn copy(&self, from: &Path, to: &str, without: &[&str]) -> Result<(), CommandFault> {
        copy(from, &self.path(to), without)
            .map_err(|fault| failed(&format!("copy {}", from.display()), &fault))
    }

    /// Writes the contract into `wit`, and the world `guest` with what this plugin imports.
    pub(super) fn contract(&self, folder: &Folder) -> Result<(), CommandFault> {
        self.copy(&folder.contract(), "wit/plugin.wit", &[])?;
        fs::write(self.path("wit/guest.wit"), folder.world())
            .map_err(|fault| failed("write the world", &fault))
    }
}

/// Links are followed: a component is made of what they lead to.
fn copy(from: &Path, to: &Path, without: &[&str]) -> io::Result<()> {
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    if !fs::metadata(from)?.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if without.iter().all(|other| name != *other) {
            copy(&entry.path(), &to.join(&name), without)?;
        }
    }
    Ok(())
}

fn failed(doing: &str, fault: &io::Error) -> CommandFault {
    CommandFault::Input(format!("cannot {doing}: {fault}"))
}
