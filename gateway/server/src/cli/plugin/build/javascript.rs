//! JavaScript and TypeScript: `componentize-qjs` compiles the modules into an image of QuickJS.

use std::process::Command;

use super::stage::Stage;
use super::tool::{beside, find, missing, read, run};
use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// Builds the component.
pub(super) fn build(folder: &Folder) -> Result<Vec<u8>, CommandFault> {
    let source = folder.source();
    let near = beside(&source, "node_modules/.bin");
    let componentize = find(&["componentize-qjs"], &near)
        .ok_or_else(|| missing("componentize-qjs", COMPONENTIZE))?;
    let stage = Stage::new()?;
    // The engine's resolver does not follow links that lead out of its folder, so the SDK is a
    // package among the others.
    stage.copy(&source, "app", &TOOLS)?;
    for part in ["package.json", "src", "generated"] {
        let to = format!("app/node_modules/sluicegate-plugin/{part}");
        stage.copy(&folder.sdk().join(part), &to, &[])?;
    }
    if source.join("filter.ts").is_file() {
        let tsc = find(&["tsc"], &near).ok_or_else(|| missing("tsc", TSC))?;
        let options = ["--target", "es2023", "--module", "nodenext", "--strict", "filter.ts"];
        run(Command::new(tsc).current_dir(stage.path("app")).args(options))?;
    }
    let filter = stage.path("app/filter.js");
    if !filter.is_file() {
        let why = format!("{} has no filter.js and no filter.ts", source.display());
        return Err(CommandFault::Input(why));
    }
    stage.contract(folder)?;
    let component = stage.path("filter.wasm");
    // The gateway calls guests synchronously, and has no WASI.
    let mut command = Command::new(componentize);
    command.args(["--sync", "--stub-wasi", "--world", "guest", "--wit"]).arg(stage.path("wit"));
    command.arg("--js").arg(filter).arg("--module-root").arg(stage.path("app"));
    run(command.arg("--output").arg(&component))?;
    read(&component)
}

/// What a source folder holds beside the modules of the filter.
const TOOLS: [&str; 9] = [
    "sdk",
    ".bin",
    ".git",
    "sluicegate-plugin",
    "componentize-qjs",
    "@andreiltd",
    "typescript",
    "target",
    ".package-lock.json",
];

const COMPONENTIZE: &str = "npm install --save-dev componentize-qjs@0.4.5 (needs Node 20 or later)";
const TSC: &str = "npm install --save-dev typescript@5.9.3";
