//! Python: `componentize-py` runs the modules once and takes a picture of the interpreter.

use std::process::Command;

use super::stage::Stage;
use super::tool::{beside, find, missing, read, run};
use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// Builds the component.
pub(super) fn build(folder: &Folder) -> Result<Vec<u8>, CommandFault> {
    let source = folder.source();
    let componentize = find(&["componentize-py"], &beside(&source, ".venv/bin"))
        .ok_or_else(|| missing("componentize-py", COMPONENTIZE))?;
    if !source.join("filter.py").is_file() {
        return Err(CommandFault::Input(format!("{} has no filter.py", source.display())));
    }
    let stage = Stage::new()?;
    stage.copy(&source, "app", &["sdk", ".venv", ".git", "__pycache__", "target"])?;
    for part in ["sluicegate_plugin", "component/sluicegate_component.py"] {
        let name = part.trim_start_matches("component/");
        stage.copy(&folder.sdk().join(part), &format!("app/{name}"), &["__pycache__"])?;
    }
    stage.contract(folder)?;
    let component = stage.path("filter.wasm");
    let mut command = Command::new(componentize);
    // The environment of a venv would bring its packages along.
    command.env_remove("VIRTUAL_ENV").args(["-q", "-w", "guest", "-d"]).arg(stage.path("wit"));
    command.args(["componentize", "--stub-wasi", "-p"]).arg(stage.path("app"));
    run(command.arg("-o").arg(&component).arg("sluicegate_component"))?;
    read(&component)
}

const COMPONENTIZE: &str = "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1";
