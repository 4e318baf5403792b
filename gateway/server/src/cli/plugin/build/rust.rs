//! Rust: `cargo`, with a compiler that has the Wasm target, or with one that has the source of its
//! library and a linker for Wasm, as Debian packages them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tool::{find, missing, read, run};
use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// Builds the crate; the module carries its component type.
pub(super) fn build(folder: &Folder) -> Result<Vec<u8>, CommandFault> {
    let cargo = find(&["cargo"], &[])
        .ok_or_else(|| missing("cargo", "install Rust from https://rustup.rs"))?;
    let mut command = Command::new(cargo);
    // In the folder: it may say which toolchain it wants.
    command.current_dir(folder.source()).args(["build", "--release", "--target", TARGET]);
    command.arg("--message-format=json-render-diagnostics");
    compiler(&folder.source())?.enter(&mut command);
    let said = run(&mut command)?;
    let module = module(&String::from_utf8_lossy(&said)).ok_or_else(|| {
        CommandFault::Input("cargo made no module: set crate-type = [\"cdylib\"]".to_owned())
    })?;
    read(&module)
}

/// A compiler that makes modules.
enum Compiler {
    /// The one that cargo takes by itself.
    Usual,
    /// One that compiles the library too, and the linker for it.
    WithLibrary { rustc: PathBuf, linker: PathBuf },
}

impl Compiler {
    fn enter(&self, command: &mut Command) {
        let Self::WithLibrary { rustc, linker } = self else { return };
        command
            .env("RUSTC", rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            .arg("-Zbuild-std=std,panic_abort");
    }
}

fn compiler(source: &Path) -> Result<Compiler, CommandFault> {
    let named = std::env::var_os("RUSTC").map(PathBuf::from);
    if let Some(usual) = named.clone().or_else(|| find(&["rustc"], &[]))
        && sysroot(&usual, source).is_some_and(|it| it.join("lib/rustlib").join(TARGET).is_dir())
    {
        return Ok(Compiler::Usual);
    }
    let rustcs = named.into_iter().chain([PathBuf::from(DEBIAN_RUSTC)]);
    let has_library = |rustc: &PathBuf| {
        let library = |it: PathBuf| it.join("lib/rustlib/src/rust/library").is_dir();
        rustc.is_file() && sysroot(rustc, source).is_some_and(library)
    };
    match (rustcs.into_iter().find(has_library), find(&["wasm-ld-22", "wasm-ld"], &[])) {
        (Some(rustc), Some(linker)) => Ok(Compiler::WithLibrary { rustc, linker }),
        _ => Err(missing(
            "a Rust compiler for Wasm",
            "rustup target add wasm32-unknown-unknown, or on Debian: \
             apt-get install rustc-web rust-web-src lld-22",
        )),
    }
}

fn sysroot(rustc: &Path, source: &Path) -> Option<PathBuf> {
    let mut command = Command::new(rustc);
    let output = command.current_dir(source).args(["--print", "sysroot"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim_end()))
}

/// The last module that cargo says it made: that of the crate itself.
fn module(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.filter_map(|it| it.get("filenames")?.as_array().cloned()).flatten();
    let files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    let modules = files.filter(|file| file.extension().is_some_and(|it| it == "wasm"));
    modules.fold(None, |_, module| Some(module))
}

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
