//! What `bench plugins` is asked to do.

use std::time::Duration;

use crate::bench::asked::count;

/// The options of one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    /// Runs of each row; the tables show medians.
    pub(super) runs: usize,
    /// Rows whose name holds one of these texts. Empty: all.
    pub(super) only: Vec<String>,
    /// How much each run does.
    pub(super) effort: Effort,
    /// One JSON document instead of tables.
    pub(super) json: bool,
}

/// How much one run of a row does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// Batches of a hundred calls.
    pub(super) batches: usize,
    /// Calls that are timed one by one.
    pub(super) calls: usize,
    /// Calls on fresh instances.
    pub(super) fresh: usize,
    /// Calls that trap.
    pub(super) traps: usize,
    /// Calls that never come back by themselves.
    pub(super) loops: usize,
    /// Calls of one instance whose memory is watched.
    pub(super) kept: u32,
    /// How long calls that are timed one by one may take together.
    pub(super) at_most: Duration,
    /// How long events flow.
    pub(super) flow: Duration,
}

const WHOLE: Effort = Effort {
    batches: 2_000,
    calls: 100_000,
    fresh: 10_000,
    traps: 2_000,
    loops: 200,
    kept: 1_000_000,
    at_most: Duration::from_secs(2),
    flow: Duration::from_secs(1),
};

const QUICK: Effort = Effort {
    batches: 20,
    calls: 1_000,
    fresh: 100,
    traps: 20,
    loops: 5,
    kept: 10_000,
    at_most: Duration::from_millis(200),
    flow: Duration::from_millis(100),
};

impl Default for Options {
    fn default() -> Self {
        Self { runs: 3, only: Vec::new(), effort: WHOLE, json: false }
    }
}

/// What `bench plugins --help` prints.
pub(super) const HELP: &str = "\
Measures calls of filters about an event with 1 KB of JSON, 8 headers and 4 attributes, and
compares every answer with the right one. A row with a wrong answer prints no figure, and the
bench fails. A target that is missed is told, and is not a failure.

Usage: bench plugins [OPTIONS]
  --runs N          runs of each row; medians shown                [3]
  --only A,B        only rows whose name holds one of these texts
  --quick           one short run
  --json            one JSON document instead of tables

Build first: cargo build --release -p sluicegate-tests --bin bench
Guests:      those that are not committed are built by `sluicegate plugin build`; which are
             missing, and the command for each, is told
";

impl Options {
    /// Reads the arguments after `plugins`.
    ///
    /// # Errors
    /// A sentence about the first argument that is wrong.
    pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--runs" => options.runs = count(&value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--quick" => options = Self { runs: 1, effort: QUICK, ..options },
                "--json" => options.json = true,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let options = parse("--quick --runs 2 --only scan,fresh --json").unwrap();
        assert_eq!((options.runs, options.effort, options.json), (2, QUICK, true));
        assert_eq!(options.only, ["scan", "fresh"]);
        assert_eq!(parse("").unwrap().effort, WHOLE);
        for wrong in ["--runs 0", "--runs x", "--only", "--fast"] {
            let name = wrong.split(' ').next_back().unwrap();
            assert!(parse(wrong).unwrap_err().contains(name), "{wrong}");
        }
    }
}
