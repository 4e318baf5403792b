//! Go: the compiler makes a module for WASI; an adapter that does nothing takes WASI's place.

use std::process::Command;

use sluicegate_filters::componentize_for;

use super::stage::Stage;
use super::tool::{find, missing, read, run, text};
use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// Builds the component.
pub(super) fn build(folder: &Folder) -> Result<Vec<u8>, CommandFault> {
    let go = find(&["go"], &[]).ok_or_else(|| missing("go", GO))?;
    let stage = Stage::new()?;
    let module = stage.path("core.wasm");
    let mut command = Command::new(go);
    command
        .current_dir(folder.source())
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")])
        .envs([("GOWORK", "off"), ("GOFLAGS", "-mod=mod")])
        // A library: without a main that would end, and with an initializer, which a component
        // runs when it starts. The bytes do not depend on where it was built.
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"])
        .args(["-ldflags=-s -w -buildid=", "-o"])
        .arg(&module)
        .arg(".");
    run(&mut command)?;
    let contract = text(&folder.contract())?;
    let adapter = text(&folder.sdk().join("null_adapter.wat"))?;
    componentize_for(&contract, "filter-plugin", &read(&module)?, &adapter)
        .map_err(|fault| CommandFault::Input(format!("{fault} [{}]", fault.code())))
}

const GO: &str = "install Go 1.25 or later from https://go.dev/dl";
