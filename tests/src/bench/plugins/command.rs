//! The command: measures the rows that are asked for, in turns, and prints them.

use std::process::ExitCode;

use super::guests::Guest;
use super::options::{HELP, Options};
use super::report::{self, Measured};
use super::rows::{self, Row};
use crate::bench::asked::asked;
use crate::bench::machine;
use crate::fixtures::root;

/// The first argument that asks for this bench.
pub const ARGUMENT: &str = "plugins";

/// Runs the bench as its arguments say. Fails if a guest is missing or an answer was wrong.
#[must_use]
pub fn main(arguments: Vec<String>) -> ExitCode {
    let options = match asked(arguments, HELP, Options::parse) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let rows = rows::wanted(&options);
    if rows.is_empty() {
        eprintln!("no row has such a name; there are: {}", rows::ALL.map(|row| row.name).join(" "));
        return ExitCode::from(2);
    }
    let missing = missing(&rows);
    if !missing.is_empty() {
        eprintln!("guests are missing, or older than their source. In {}:", root().display());
        missing.iter().for_each(|guest| eprintln!("  {}", guest.command()));
        return ExitCode::FAILURE;
    }
    let all = measure(&rows, &options);
    let machine = machine::describe(&root());
    match options.json {
        false => print!("{}", report::table(&all, &machine, &options)),
        true => println!("{}", report::json(&all, &machine)),
    }
    let clean = all.iter().all(|measured| measured.fault.is_none());
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The guests of these rows that must be built first, each once.
fn missing(rows: &[Row]) -> Vec<Guest> {
    let mut missing: Vec<Guest> = Vec::new();
    for guest in rows.iter().flat_map(Row::guests) {
        if !missing.contains(&guest) && !guest.is_there() {
            missing.push(guest);
        }
    }
    missing
}

/// Measures every row once in each round.
fn measure(rows: &[Row], options: &Options) -> Vec<Measured> {
    let measured = |row: &Row| Measured { row: *row, runs: Vec::new(), fault: None };
    let mut all: Vec<Measured> = rows.iter().map(measured).collect();
    for round in 1..=options.runs {
        // What failed once would fail again.
        for measured in all.iter_mut().filter(|measured| measured.fault.is_none()) {
            match measured.row.run(&options.effort) {
                Ok(figures) => {
                    let told: Vec<_> =
                        figures.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
                    eprintln!("round {round}: {}: {}", measured.row.name, told.join(", "));
                    measured.runs.push(figures);
                }
                Err(fault) => {
                    eprintln!("round {round}: {}: NO FIGURE: {fault}", measured.row.name);
                    measured.fault = Some(fault);
                }
            }
        }
    }
    all
}
