//! The hidden command of the child process that compiles plugins, and how it is called.

use std::io::{stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use sluicegate_admission::sha256;
use sluicegate_filters::{Cache, Child, Compiler, compile_child};

use crate::fault::RunFault;

/// The name of the command: no person types it.
pub(super) const COMMAND: &str = "compile-plugin";

/// This program as the child that compiles, with what it compiled kept in a folder.
pub(super) fn child(cache: Option<PathBuf>) -> Result<Compiler, RunFault> {
    let program = std::env::current_exe()
        .map_err(|fault| RunFault::System { what: "find the program itself", fault })?;
    Ok(Compiler::Child(Child {
        program,
        arguments: vec![COMMAND.into()],
        memory_bytes_max: MEMORY_BYTES_MAX,
        time_max: TIME_MAX,
        cache: cache.map(|folder| Cache { folder, sha256, files_max: FILES_MAX }),
    }))
}

/// Compiles what is on standard input.
pub(super) fn run() -> ExitCode {
    compile_child(stdin().lock(), stdout().lock(), stderr().lock())
}

/// The largest known plugins, interpreters with their libraries, take a third of it.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

const TIME_MAX: Duration = Duration::from_secs(180);

/// Some versions of some dozen plugins.
const FILES_MAX: usize = 128;
