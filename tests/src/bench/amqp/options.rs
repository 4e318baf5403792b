//! What `bench amqp` is asked to do.

use crate::bench::asked::count;

/// The options of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// Messages of a run.
    pub(super) messages: usize,
    /// Runs of each consumer, in turns.
    pub(super) runs: usize,
    /// Messages on their way at once.
    pub(super) prefetch: u16,
    /// Bytes of a body.
    pub(super) bytes: usize,
    /// One JSON document instead of a table.
    pub(super) json: bool,
}

pub(super) const HELP: &str = "\
Measures a gateway that consumes from a RabbitMQ queue and flushes each event before it
acknowledges, beside a lapin consumer that only acknowledges, in turns. Every event is counted
afterwards: a run with one lost or doubled prints no figure.

Usage: bench amqp [OPTIONS]
  --messages N      messages of a run                        [100000]
  --runs N          runs of each; medians are shown          [5]
  --prefetch N      messages on their way at once            [256]
  --bytes N         bytes of a body                          [1024]
  --json            one JSON document instead of a table

Needs rabbitmq-server. Build first: cargo build --release --workspace
";

impl Options {
    /// Reads the arguments after `amqp`.
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut options =
            Self { messages: 100_000, runs: 5, prefetch: 256, bytes: 1024, json: false };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut number =
                || count::<usize>(&arguments.next().ok_or(format!("{name} needs a value"))?);
            match name.as_str() {
                "--messages" => options.messages = number()?,
                "--runs" => options.runs = number()?,
                "--prefetch" => {
                    options.prefetch = number()?.try_into().map_err(|_| "a prefetch is a u16")?;
                }
                "--bytes" => options.bytes = number()?.max(BODY_BYTES_MIN),
                "--json" => options.json = true,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }

    /// Messages before the measured ones.
    pub(super) fn warm_up(&self) -> usize {
        (self.messages / 10).max(usize::from(self.prefetch))
    }
}

/// Room for the number of a message.
const BODY_BYTES_MIN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let parse =
            |text: &str| Options::parse(text.split_whitespace().map(str::to_owned).collect());
        let options = parse("--messages 5_000 --runs 1 --prefetch 10 --json").unwrap();
        assert_eq!((options.messages, options.runs, options.prefetch), (5_000, 1, 10));
        assert_eq!((options.warm_up(), options.json), (500, true));
        assert!(parse("--prefetch 70000").unwrap_err().contains("u16"));
        assert!(parse("--fast").unwrap_err().contains("--fast"));
    }
}
