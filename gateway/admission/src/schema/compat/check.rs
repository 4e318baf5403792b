//! Holds a new version against those that are there, as a mode asks.

use crate::schema::bounds;
use crate::schema::compiled::Formats;
use crate::schema::document::{Document, Draft};
use crate::schema::fault::SchemaFault;
use crate::schema::refs::Names;

use super::known::{Known, Side};
use super::prover::{FINDINGS_MAX, Prover};
use super::words::{Direction, Finding, Incompatible, Mode};

/// A version of a schema, with what it refers to.
#[derive(Debug, Clone)]
pub struct Version<'s> {
    /// Its number; for the new one it does not count.
    pub number: u32,
    /// The schema.
    pub root: Document<'s>,
    /// What it refers to.
    pub others: Vec<Document<'s>>,
    /// Whether `format` is a demand.
    pub formats: Formats,
}

/// What speaks against a new version. `before` are the live versions that are there, oldest first.
///
/// # Errors
/// When a schema is over a bound or refers to what is not there: it would not have been taken.
pub fn check(
    new: &Version<'_>,
    before: &[Version<'_>],
    mode: Mode,
) -> Result<Vec<Incompatible>, SchemaFault> {
    let asked = if mode.is_transitive() { before.len() } else { 1 };
    let mut found = Vec::new();
    for old in before.iter().rev().take(asked) {
        for direction in mode.directions() {
            let (writer, reader) = match direction {
                Direction::Backward => (old, new),
                Direction::Forward => (new, old),
            };
            for finding in reads_all(writer, reader)? {
                found.push(Incompatible { version: old.number, direction: *direction, finding });
            }
            if found.len() >= FINDINGS_MAX {
                found.truncate(FINDINGS_MAX);
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// What the reader does not take of what the writer takes; nothing if it takes all.
fn reads_all(writer: &Version<'_>, reader: &Version<'_>) -> Result<Vec<Finding>, SchemaFault> {
    for version in [writer, reader] {
        bounds::check(version.root, &version.others).map_err(SchemaFault::new)?;
    }
    for document in
        [writer, reader].iter().flat_map(|v| [v.root].into_iter().chain(v.others.clone()))
    {
        if !Draft::is_known(document.schema) {
            let why = "a schema is of a draft of somebody's own";
            return Ok(vec![Finding::undecided("/$schema", why)]);
        }
    }
    let names = [writer, reader].map(|version| Names::collect(version.root, &version.others));
    let [of_writer, of_reader] = names;
    let of_writer = of_writer.map_err(SchemaFault::new)?;
    let of_reader = of_reader.map_err(SchemaFault::new)?;
    let formats = [writer, reader].map(asserts);
    let known = Known::of(&of_writer, Side::Writer, &[of_writer.root()]);
    let mut prover = Prover::new(&of_writer, &of_reader, formats);
    Ok(prover.covers(&known, of_reader.root(), ""))
}

/// Whether `format` is a demand.
fn asserts(version: &Version<'_>) -> bool {
    match version.formats {
        Formats::Assert => true,
        Formats::Annotate => false,
        Formats::Draft => Draft::of(version.root.schema).ref_hides(),
    }
}
