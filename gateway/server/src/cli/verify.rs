//! `sluicegate verify --vectors`: known-answer vectors of webhook signatures.

use std::path::Path;

use sluicegate_admission::vectors::{self, Answer};

use super::{CommandFault, say};

/// Runs the vectors; prints a line for each failure, and the sums last.
pub(super) fn verify(file: &Path) -> Result<(), CommandFault> {
    let text = std::fs::read_to_string(file)
        .map_err(|fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display())))?;
    let report = vectors::run(&text)
        .map_err(|fault| CommandFault::Input(format!("{}: {fault}", file.display())))?;
    for answer in &report.answers {
        if let Answer::Failed { id, why } = answer {
            say(&format!("{id}: {why}"));
        }
    }
    say(&report.to_string());
    if report.failed() > 0 { Err(CommandFault::Told) } else { Ok(()) }
}
