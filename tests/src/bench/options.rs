//! What the bench is asked to do.

use super::asked::count;

/// The options of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Events measured in each run.
    pub events: usize,
    /// Runs of each variant; the table shows medians.
    pub runs: usize,
    /// Keep-alive connections.
    pub connections: usize,
    /// Open loop: events per second in all. `None`: closed loop, as fast as the answers come.
    pub rate: Option<u64>,
    /// Only variants whose name holds this text (the floor is always measured).
    pub only: Option<String>,
    /// One JSON document instead of a table.
    pub output: Output,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table for people.
    Table,
    /// A JSON document for machines.
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            events: 100_000,
            runs: 5,
            connections: 64,
            rate: None,
            only: None,
            output: Output::Table,
        }
    }
}

/// What `--help` prints.
pub const HELP: &str = "\
Measures the line with real-shaped events of 1 KB, and verifies each one.
A run with one lost, doubled or changed event prints no figure, and the bench fails.

Usage: bench [OPTIONS]
       bench queue [OPTIONS]     the queue engine by itself; see bench queue --help
       bench amqp [OPTIONS]      messages of a RabbitMQ in; see bench amqp --help
       bench plugins [OPTIONS]   calls of filters by themselves; see bench plugins --help
       bench mqtt [OPTIONS]      MQTT publishers beside Mosquitto; see bench mqtt --help
       bench schemes [--json]    proving a sender, preset by preset
       bench schema              a payload of 10 KB against its schema, as JSON
  --events N        events measured in each run            [100000]
  --runs N          runs of each variant; medians shown    [5]
  --connections N   keep-alive connections                 [64]
  --rate N          open loop at N events/s; latency counts from the intended send time
  --only TEXT       only variants whose name holds TEXT, beside the floor
  --json            one JSON document instead of a table

Build first: cargo build --release --workspace
";

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// A sentence about the first argument that is wrong.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--events" => options.events = count(&value()?)?,
                "--runs" => options.runs = count(&value()?)?,
                "--connections" => options.connections = count(&value()?)?,
                "--rate" => options.rate = Some(count(&value()?)?),
                "--only" => options.only = Some(value()?),
                "--json" => options.output = Output::Json,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }

    /// Events sent before the measured ones: enough to fill caches and pools.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        (self.events / 20).min(5_000).max(self.connections)
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
        let options = parse("--events 1_000 --runs 1 --rate 50 --json").unwrap();
        assert_eq!((options.events, options.runs, options.rate), (1_000, 1, Some(50)));
        assert_eq!(options.output, Output::Json);
        assert!(parse("--events 0").unwrap_err().contains("above zero"));
        assert!(parse("--events").unwrap_err().contains("needs a value"));
        assert!(parse("--fast").unwrap_err().contains("--fast"));
    }
}
