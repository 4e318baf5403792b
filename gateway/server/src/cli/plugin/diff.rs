//! `sluicegate plugin diff`: what two versions decide about past events, and where they differ.
//! Both run here, as the gateway would run them; nothing that they decide takes effect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::time::Timestamp;
use sluicegate_filters::{Meter, Reuse, Trial};

use super::gateway::{Gateway, print_difference, print_pairs, runtime};
use super::past::{self, Window};
use super::subject::{self, Limits, Subject, named};
use crate::cli::admin::Output;
use crate::cli::{CommandFault, say};
use crate::clock::machine_clock;
use crate::config::{Span, shown};
use crate::said::said;

/// What `diff` takes.
#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The version that decides: a component, or a plugin's folder.
    old: PathBuf,
    /// The version that is to: as well.
    new: PathBuf,
    /// The queue whose events are meant: all that came into it, whatever became of them, as far
    /// back as the log reaches.
    #[arg(long)]
    queue: QueueName,
    /// Received this long ago or later: `1h`; or at this time (RFC 3339) or later.
    #[arg(long, value_name = "SPAN|TIME", default_value = "1h")]
    since: String,
    /// Received before this long ago, or before this time.
    #[arg(long, value_name = "SPAN|TIME", default_value = "0s")]
    until: String,
    /// At most so many events.
    #[arg(long)]
    max: Option<u64>,
    /// The configuration of both: a JSON object, or @FILE; where it is not said, that of their
    /// folders.
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// The configuration of the new one, if it is another.
    #[arg(long, value_name = "JSON")]
    new_config: Option<String>,
    /// Read a data folder that no gateway has open. Its keys are taken from `--gateway`.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(flatten)]
    of: Gateway,
    #[command(flatten)]
    limits: Limits,
}

/// Both versions, and what came of them so far.
struct Comparison {
    old: Trial,
    new: Trial,
    left: u64,
    compared: u64,
    different: u64,
    pairs: BTreeMap<(&'static str, &'static str), u64>,
    output: Output,
}

/// Asks both about every event; fails if they differ about one.
pub(super) fn diff(ask: &Ask, json: bool) -> Result<(), CommandFault> {
    let output = if json { Output::Json } else { Output::Table };
    let ((old, old_folder), (new, new_folder)) = (named(&ask.old)?, named(&ask.new)?);
    let config = subject::config(ask.config.as_deref(), old_folder.as_ref())?;
    let text = ask.new_config.as_ref().or(ask.config.as_ref());
    let new_config = subject::config(text.map(String::as_str), new_folder.as_ref())?;
    let trial = |file: &Path, config| -> Result<Trial, CommandFault> {
        let subject = Subject::open(file, ask.limits, Meter::Time)?;
        subject.start(config).map_err(|fault| subject::refused(file, &fault.into()))
    };
    let (old, new) = (trial(&old, &config)?, trial(&new, &new_config)?);
    let now = machine_clock().now();
    let window = Window {
        queue: ask.queue.clone(),
        since: time("--since", &ask.since, now)?,
        until: time("--until", &ask.until, now)?,
    };
    let left = ask.max.unwrap_or(u64::MAX);
    let (compared, different, pairs) = (0, 0, BTreeMap::new());
    let mut both = Comparison { old, new, left, compared, different, pairs, output };
    let mut take = |event: Event| both.take(&event);
    match &ask.data {
        Some(folder) => past::of_folder(folder, ask.of.file(), &window, &mut take)?,
        None => {
            let admin = ask.of.admin(output)?;
            runtime()?.block_on(past::of_gateway(&admin, &window, &mut take))?;
        }
    }
    both.told()
}

impl Comparison {
    /// Asks both about an event; says whether there may be another.
    fn take(&mut self, event: &Event) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.compared += 1;
        let old = self.old.ask(event, Reuse::Kept).said;
        let new = self.new.ask(event, Reuse::Kept).said;
        if let Some(differs) = old.differs(&new) {
            self.different += 1;
            *self.pairs.entry((old.kind(), new.kind())).or_default() += 1;
            let one = json!({
                "id": event.id.to_string(), "type": event.kind, "differs": differs.word(),
                "current": said(&old), "new": said(&new),
            });
            match self.output {
                Output::Json => say(&one.to_string()),
                Output::Table => print_difference(&one, "new"),
            }
        }
        self.left > 0
    }

    fn told(&self) -> Result<(), CommandFault> {
        let pair = |(pair, count): (&(&str, &str), &u64)| -> Value {
            json!({ "current": pair.0, "new": pair.1, "count": count })
        };
        let summary: Value = json!({
            "compared": self.compared, "different": self.different,
            "pairs": self.pairs.iter().map(pair).collect::<Vec<_>>(),
        });
        match self.output {
            Output::Json => say(&summary.to_string()),
            Output::Table => {
                say(&format!("\n{} compared, {} different", self.compared, self.different));
                if self.different > 0 {
                    say("");
                    print_pairs(&summary, "new");
                }
            }
        }
        if self.different > 0 { Err(CommandFault::Told) } else { Ok(()) }
    }
}

/// A time, or how long ago.
fn time(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, CommandFault> {
    if let Ok(Span(ago)) = shown::<Span>(text) {
        let ago = u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
        return Ok(Timestamp::from_unix_ns(now.unix_ns().saturating_sub(ago)));
    }
    Timestamp::parse_rfc3339(text).map_err(|_| {
        let why = format!("{name}: {text:?} is neither a span such as 1h nor a time (RFC 3339)");
        CommandFault::Misused(why)
    })
}
