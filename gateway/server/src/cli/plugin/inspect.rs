//! `sluicegate plugin inspect`: what a file is, without running it.

use std::path::Path;

use serde_json::json;
use sluicegate_admission::sha256;
use sluicegate_filters::{Form, Inspection};

use super::subject::{named, read, refused};
use crate::cli::table::plain;
use crate::cli::{CommandFault, say};

/// Says what a file is; fails if the gateway would refuse it.
pub(super) fn inspect(file: &Path, json: bool) -> Result<(), CommandFault> {
    let (file, _) = named(file)?;
    let bytes = read(&file)?;
    let found = sluicegate_filters::inspect(&bytes).map_err(|fault| refused(&file, &fault))?;
    let digest = sha256(&bytes).to_string();
    if json {
        say(&document(&found, bytes.len(), &digest).to_string());
    } else {
        print(&found, bytes.len(), &digest);
    }
    let granted = found.imports.iter().all(|import| import.granted);
    if granted && found.refused.is_none() { Ok(()) } else { Err(CommandFault::Told) }
}

fn print(found: &Inspection, bytes: usize, digest: &str) {
    say(&format!("sha256    {digest}"));
    say(&format!("size      {bytes} bytes, a {}", form(found)));
    say(&format!("world     {}", found.world.as_deref().unwrap_or("none that is served")));
    for import in &found.imports {
        let verdict = if import.granted { "granted" } else { "REFUSED" };
        let functions = import.functions.join(", ");
        say(&format!("imports   {} ({}) {verdict}", plain(&import.name), plain(&functions)));
    }
    for export in &found.exports {
        say(&format!("exports   {}", plain(export)));
    }
    let (bytes, time) = (found.compiled_bytes, found.compile_time);
    say(&format!("compiled  {bytes} bytes in {:.1} ms", time.as_secs_f64() * 1e3));
    if let Some(fault) = &found.refused {
        say(&format!("\nrefused: {} [{}]", plain(&fault.to_string()), fault.code()));
    }
}

fn document(found: &Inspection, bytes: usize, digest: &str) -> serde_json::Value {
    let imports = found.imports.iter().map(|import| {
        json!({
            "interface": import.name, "functions": import.functions, "granted": import.granted,
        })
    });
    json!({
        "sha256": digest, "bytes": bytes, "form": form(found), "world": found.world,
        "imports": imports.collect::<Vec<_>>(), "exports": found.exports,
        "compiled_bytes": found.compiled_bytes,
        "compile_ms": found.compile_time.as_secs_f64() * 1e3,
        "refused": found.refused.as_ref().map(|fault| fault.code()),
    })
}

fn form(found: &Inspection) -> &'static str {
    match found.form {
        Form::Component => "component",
        Form::Module => "core module with a component type",
    }
}
