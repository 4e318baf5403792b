//! `check`, `infer` and `lint`: schemas in files, without a gateway.

use std::path::Path;

use serde_json::{Value, json};
use sluicegate_admission::schema::compat::Incompatible;
use sluicegate_admission::schema::{self, Formats, Origin, Submission};
use sluicegate_admission::{Registry, SchemaFault};
use sluicegate_core::signature::SchemaVersion;

use super::arguments::{Check, Infer, Lint};
use crate::cli::{CommandFault, say, say_error};

/// Says what the new schema would no longer read; fails if that is anything.
pub(super) fn check(arguments: &Check) -> Result<(), CommandFault> {
    let mut registry = match &arguments.with {
        Some(folder) => Registry::from_folder(folder).map_err(|faults| told(&faults))?,
        None => Registry::empty(),
    };
    let formats = if arguments.assert_formats { Formats::Assert } else { Formats::Draft };
    let old = registry
        .insert(Submission { formats, ..submission(&arguments.old, 1)? })
        .map_err(|fault| told(&[fault.of_file(&arguments.old.to_string_lossy())]))?;
    let new = registry
        .compile(Submission { formats, ..submission(&arguments.new, 2)? })
        .map_err(|fault| told(&[fault.of_file(&arguments.new.to_string_lossy())]))?;
    let found = registry
        .compare(&new.source, &[&old], arguments.mode)
        .map_err(|fault| CommandFault::Input(fault.to_string()))?;
    if arguments.json {
        let all: Vec<Value> = found.iter().map(finding).collect();
        say(&json!({ "compatible": found.is_empty(), "findings": all }).to_string());
    } else {
        found.iter().for_each(|one| {
            say_error(&format!("{}: {}", one.direction.word(), one.finding));
        });
        if found.is_empty() {
            say(&format!("compatible: {}", arguments.mode.word()));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(CommandFault::Told) }
}

fn finding(one: &Incompatible) -> Value {
    json!({
        "direction": one.direction.word(), "at": one.finding.at,
        "verdict": one.finding.verdict.word(), "why": one.finding.why,
    })
}

/// A file as a version of a subject that nobody else has.
fn submission(file: &Path, version: u32) -> Result<Submission, CommandFault> {
    let subject = "sluicegate-schema-check".parse();
    let subject = subject.map_err(|fault| CommandFault::Input(format!("{fault}")))?;
    let version = SchemaVersion { subject, version };
    Ok(Submission::new(version, read(file)?, Origin::File))
}

/// Prints a schema that all samples keep to.
pub(super) fn infer(arguments: &Infer) -> Result<(), CommandFault> {
    let mut samples = Vec::new();
    for file in &arguments.samples {
        let text = read(file)?;
        let bad = |fault: &dyn std::fmt::Display| {
            CommandFault::Input(format!("{} is not JSON: {fault}", file.display()))
        };
        for sample in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            samples.push(sample.map_err(|fault| bad(&fault))?);
        }
    }
    if samples.is_empty() {
        return Err(CommandFault::Input("there is no sample".to_owned()));
    }
    super::print(&schema::infer(&samples))
}

/// Says what is likely a mistake; fails if that is anything, or a file is no schema.
pub(super) fn lint(arguments: &Lint) -> Result<(), CommandFault> {
    let mut all = Vec::new();
    for file in &arguments.files {
        let name = file.display().to_string();
        match Registry::empty().compile(submission(file, 1)?) {
            Err(fault) => all.push((name, String::new(), fault.to_string())),
            Ok(entry) => {
                let advice = schema::lint(entry.source.value()).into_iter();
                all.extend(advice.map(|one| (name.clone(), one.at, one.what)));
            }
        }
    }
    if arguments.json {
        let one = |(file, at, what): &(String, String, String)| -> Value {
            json!({ "file": file, "at": at, "what": what })
        };
        say(&all.iter().map(one).collect::<Value>().to_string());
    } else {
        for (file, at, what) in &all {
            let at = if at.is_empty() { "the schema" } else { at };
            say(&format!("{file}: {at}: {what}"));
        }
    }
    if all.is_empty() { Ok(()) } else { Err(CommandFault::Told) }
}

/// The text of a file.
pub(super) fn read(file: &Path) -> Result<String, CommandFault> {
    std::fs::read_to_string(file)
        .map_err(|fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display())))
}

fn told(faults: &[SchemaFault]) -> CommandFault {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    CommandFault::Input(texts.join("\n"))
}
