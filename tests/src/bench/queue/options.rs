//! What `bench queue` is asked to do.

use std::time::Duration;

use crate::bench::asked::count;

/// The options of one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    /// Runs of each row; the table shows medians.
    pub(super) runs: usize,
    /// The measured time of a run.
    pub(super) seconds: f64,
    /// Rows whose name holds one of these texts, and what they are compared with. Empty: all.
    pub(super) only: Vec<String>,
    /// Events of the backlog.
    pub(super) backlog: u64,
    /// Events leased, and events delayed.
    pub(super) timers: u64,
    /// How long each run may wait for a quiet machine, and be done again if it was disturbed.
    pub(super) patience: Duration,
    /// One JSON document instead of a table.
    pub(super) json: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runs: 3,
            seconds: 5.0,
            only: Vec::new(),
            backlog: 10_000_000,
            timers: 1_000_000,
            patience: Duration::ZERO,
            json: false,
        }
    }
}

/// What `bench queue --help` prints.
pub(super) const HELP: &str = "\
Measures the queue engine beside a raw write-and-flush loop and beside brokers, with events of
1 KB, and verifies each one. A run with one lost, doubled or changed event prints no figure, and
the bench fails. A target that is missed is told, and is not a failure.

Usage: bench queue [OPTIONS]
  --runs N          runs of each row; medians shown                [3]
  --seconds S       measured time of a run                         [5]
  --only A,B        only rows whose name holds one of these texts, and what they are compared with
  --backlog N       events of the backlog                          [10000000]
  --timers N        events leased, and as many delayed             [1000000]
  --quick           one run of 1 s, backlog of 500000, timers of 50000
  --patience S      each run waits for a quiet machine, and is done again if it was
                    disturbed, as long as this lasts                   [0]
  --json            one JSON document instead of a table

       bench queue kill [--rounds N] [--seed N]
  kill -9 of the gateway under HTTP load, N times [200]; every acknowledged event is there once

Build first: cargo build --release -p sluicegate-tests --bin bench
Brokers:     apt-get install rabbitmq-server redis-server; and a C compiler `cc`
";

impl Options {
    /// Reads the arguments after `queue`.
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
                "--seconds" => options.seconds = seconds(&value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--backlog" => options.backlog = count(&value()?)?,
                "--timers" => options.timers = count(&value()?)?,
                "--patience" => options.patience = Duration::from_secs(count(&value()?)?),
                "--quick" => {
                    options =
                        Self { runs: 1, seconds: 1.0, backlog: 500_000, timers: 50_000, ..options }
                }
                "--json" => options.json = true,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.05..=600.0).contains(&number) => Ok(number),
        _ => Err(format!("{text} is not a number of seconds from 0.05 to 600")),
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
        let options = parse("--quick --seconds 0.2 --only raw,commit --json").unwrap();
        assert_eq!((options.runs, options.seconds, options.backlog), (1, 0.2, 500_000));
        assert_eq!(options.only, ["raw", "commit"]);
        assert!(options.json);
        assert_eq!(parse("--backlog 1_000").unwrap().backlog, 1000);
        for wrong in ["--runs 0", "--seconds 0", "--seconds x", "--backlog -1", "--only", "--fast"]
        {
            let name = wrong.split(' ').next_back().unwrap();
            assert!(parse(wrong).unwrap_err().contains(name), "{wrong}");
        }
    }
}
