//! What `bench mqtt` is asked to do.

use crate::bench::asked::count;

/// The options of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// Messages of a run.
    pub(super) messages: usize,
    /// Runs of each, in turns.
    pub(super) runs: usize,
    /// Publishers at once.
    pub(super) publishers: usize,
    /// Messages that one publisher has unanswered.
    pub(super) window: usize,
    /// One JSON document instead of a table.
    pub(super) json: bool,
}

pub(super) const HELP: &str = "\
Measures QoS 1 publishers of MQTT 3.1.1: at a gateway that answers after its flush, and at Mosquitto
with persistence, which does not flush before it answers, in turns. Mosquitto queues the messages
for a client that is away, so that it has them to keep. Then pairs of a publisher and a subscriber.
Every event of the gateway is counted afterwards: a run with one lost or doubled prints no figure.

Usage: bench mqtt [OPTIONS]
  --messages N      messages of a run                        [100000]
  --runs N          runs of each; medians are shown          [5]
  --publishers N    publishers at once                       [64]
  --window N        messages that one has unanswered         [1]
  --json            one JSON document instead of a table

Needs mosquitto. Build first: cargo build --release --workspace
";

impl Options {
    /// Reads the arguments after `mqtt`.
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut options =
            Self { messages: 100_000, runs: 5, publishers: 64, window: 1, json: false };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut number =
                || count::<usize>(&arguments.next().ok_or(format!("{name} needs a value"))?);
            match name.as_str() {
                "--messages" => options.messages = number()?,
                "--runs" => options.runs = number()?,
                "--publishers" => options.publishers = number()?,
                "--window" => options.window = number()?.min(60),
                "--json" => options.json = true,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }

    /// Messages before the measured ones.
    pub(super) fn warm_up(&self) -> usize {
        (self.messages / 10).max(self.publishers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let parse =
            |text: &str| Options::parse(text.split_whitespace().map(str::to_owned).collect());
        let options = parse("--messages 5_000 --runs 1 --window 100 --json").unwrap();
        assert_eq!((options.messages, options.runs, options.window), (5_000, 1, 60));
        assert_eq!((options.warm_up(), options.json), (500, true));
        assert!(parse("--fast").unwrap_err().contains("--fast"));
    }
}
