//! Programs that a build calls: found beside the plugin or in PATH, and run so that what they say
//! is seen when they fail.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::CommandFault;

/// The first program that has one of these names, in these folders and then in PATH.
pub(super) fn find(names: &[&str], beside: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        beside.iter().cloned().chain(std::env::split_paths(&path)).collect();
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|file| file.is_file()).and_then(|file| std::path::absolute(file).ok())
}

/// The folders of this name beside a plugin's source and above it, the nearest first.
pub(super) fn beside(source: &Path, name: &str) -> Vec<PathBuf> {
    let Ok(source) = std::path::absolute(source) else { return Vec::new() };
    source.ancestors().map(|folder| folder.join(name)).filter(|folder| folder.is_dir()).collect()
}

/// That a program is missing, and how it is had.
pub(super) fn missing(what: &str, how: &str) -> CommandFault {
    CommandFault::Input(format!("{what} is missing: {how}"))
}

/// Runs a program, and gives what it writes to its standard output. What it says on its standard
/// error is said on ours.
pub(super) fn run(command: &mut Command) -> Result<Vec<u8>, CommandFault> {
    let name = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("the tool"));
    let name = name.to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(
        |fault| match fault.kind() {
            ErrorKind::NotFound => CommandFault::Input(format!("{name} cannot be started")),
            _ => CommandFault::Input(format!("{name} cannot be started: {fault}")),
        },
    )?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let ended =
        output.status.code().map_or("was killed".to_owned(), |code| format!("ended with {code}"));
    Err(CommandFault::Input(format!("{}{name} {ended}", said.trim_end_matches('\0'))))
}

/// Reads what a build needs or made.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CommandFault> {
    std::fs::read(file)
        .map_err(|fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display())))
}

/// Reads a text.
pub(super) fn text(file: &Path) -> Result<String, CommandFault> {
    std::fs::read_to_string(file)
        .map_err(|fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display())))
}
