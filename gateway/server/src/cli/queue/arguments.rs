//! What can be said after `sluicegate queue`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use sluicegate_core::ids::QueueName;
use sluicegate_queue::Cursor;
use sluicegate_queue::forensics::Mode;

use super::offline::{self, Folder};
use super::{jobs, look, manage, watch};
use crate::cli::CommandFault;
use crate::cli::admin::{Admin, Output};
use crate::fault::RunFault;
use crate::jobs::JobId;

/// Ask a running gateway about its queues, and change them.
///
/// Exit codes: 0 done; 1 refused, or an input is bad; 2 the command is misused; 3 the gateway does
/// not answer, or what was begun failed. The token of the admin API is taken from the environment:
/// SLUICEGATE_ADMIN_TOKEN.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::cli) struct Arguments {
    /// The admin API. Without it: where `--config` says it listens, or http://127.0.0.1:8081.
    #[arg(long, global = true, value_name = "URL", env = "SLUICEGATE_ADMIN")]
    admin: Option<String>,
    /// The configuration of the gateway, to find its admin API.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Look at this data folder instead, which no gateway has open: `ls`, `peek`, `stats`, and
    /// always for `verify`, `dump` and `repair`. Its keys are taken from `--config`.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print JSON, as the API answers it: one document a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the queues, with their numbers.
    Ls,
    /// Everything about one queue.
    Show {
        /// The queue.
        queue: QueueName,
    },
    /// Look at the events of a queue without taking them.
    Peek(Peek),
    /// The numbers of all queues, or of one.
    Stats {
        /// The queue; without it, all.
        queue: Option<QueueName>,
        /// Go on until Ctrl-C, with what came and went in a second.
        #[arg(long)]
        watch: bool,
        /// Seconds between two looks.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
    },
    /// Hand out no more events, until `resume`.
    Pause {
        /// The queue.
        queue: QueueName,
    },
    /// Hand out events again.
    Resume {
        /// The queue.
        queue: QueueName,
    },
    /// Put a queue under a legal hold: nothing of it is deleted from the log.
    Hold {
        /// The queue.
        queue: QueueName,
        /// Lift the hold instead.
        #[arg(long)]
        lift: bool,
    },
    /// Make a queue, or change one.
    Create(Create),
    /// Remove a queue that is empty.
    Rm {
        /// The queue.
        queue: QueueName,
    },
    /// Move dead letters back to the queues that gave them up.
    Redrive(Redrive),
    /// Place events of the past once more.
    Replay(Replay),
    /// Drop everything in a queue that nobody holds.
    Purge {
        /// The queue.
        queue: QueueName,
        /// Really: what is dropped is not delivered any more.
        #[arg(long)]
        yes: bool,
    },
    /// Read every byte of a stopped data folder, and say what is not as it should be. Nothing is
    /// changed. Exit codes: 0 sound; 1 damaged, or events are lost; 2 it cannot be opened.
    Verify,
    /// Print every entry of the log of a stopped data folder, a line of JSON each. Nothing is
    /// changed.
    Dump(offline::Dump),
    /// Repair a stopped data folder: make indexes, names and copies again, set damage aside. What
    /// can be read is never dropped. Exit codes as those of `verify`, for the folder after it.
    Repair {
        /// Say what would be done, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Redrives and replays: list them, or see to one.
    Jobs {
        #[command(subcommand)]
        verb: Option<JobVerb>,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum JobVerb {
    /// Show one.
    Show {
        /// Its id.
        id: JobId,
    },
    /// Wait until it has ended, with its progress.
    Wait {
        /// Its id.
        id: JobId,
    },
    /// Stop it; it can be resumed.
    Cancel {
        /// Its id.
        id: JobId,
    },
    /// Let it go on where it stood.
    Resume {
        /// Its id.
        id: JobId,
    },
}

/// What `peek` takes.
#[derive(Debug, Args)]
pub(super) struct Peek {
    /// The queue.
    pub(super) queue: QueueName,
    /// At most so many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
    /// After this cursor, as an earlier peek printed it.
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<Cursor>,
    /// Only events that stand like this.
    #[arg(long, value_parser = ["ready", "leased", "delayed", "blocked"])]
    pub(super) standing: Option<String>,
    /// With their payloads.
    #[arg(long)]
    pub(super) payload: bool,
}

/// What `create` takes.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The queue.
    pub(super) queue: QueueName,
    /// Its settings in the shape of the configuration: JSON, or `@FILE`.
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(super) settings: Option<Value>,
    /// Fill it with the events of the log from this time (RFC 3339) or cursor on.
    #[arg(long, value_name = "TIME|CURSOR")]
    pub(super) from: Option<String>,
    /// Fill it only with events that match this pattern: JSON, or `@FILE`.
    #[arg(long, value_name = "JSON", value_parser = json, requires = "from")]
    pub(super) when: Option<Value>,
}

/// How much of a job, how fast, and whether it is waited for.
#[derive(Debug, Args)]
pub(super) struct Pace {
    /// Move at most so many.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max: Option<u64>,
    /// Move at most so many in a second.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Count what would move, and move nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not wait for the end of the job.
    #[arg(long)]
    pub(super) detach: bool,
}

/// What `redrive` takes.
#[derive(Debug, Args)]
pub(super) struct Redrive {
    /// A dead-letter queue, or a queue whose letters lie in one.
    pub(super) queue: QueueName,
    /// Only events that match this pattern, as in a route's `when`: JSON, or `@FILE`.
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(super) when: Option<Value>,
    /// Only letters of this cause: `attempts_exhausted`, `expired`, ...
    #[arg(long)]
    pub(super) cause: Option<String>,
    #[command(flatten)]
    pub(super) pace: Pace,
}

/// What `replay` takes.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("where").required(true)))]
pub(super) struct Replay {
    /// Into this queue, without filters.
    #[arg(long, value_name = "QUEUE", group = "where")]
    pub(super) into: Option<QueueName>,
    /// Through the filters and routes of today.
    #[arg(long, group = "where")]
    pub(super) through_line: bool,
    /// The events that lie in this queue, through the line; those that were placed leave it.
    #[arg(long, value_name = "QUEUE", group = "where",
          conflicts_with_all = ["from", "to", "source", "kind", "placed_in"])]
    pub(super) letters_of: Option<QueueName>,
    /// From this time (RFC 3339) or cursor on; without it, from the beginning of the log.
    #[arg(long, value_name = "TIME|CURSOR")]
    pub(super) from: Option<String>,
    /// Only events that were received before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<String>,
    /// Only events of this source; may be given several times.
    #[arg(long)]
    pub(super) source: Vec<String>,
    /// Only events of this type; may be given several times.
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Vec<String>,
    /// Only events that were placed in this queue; may be given several times.
    #[arg(long, value_name = "QUEUE")]
    pub(super) placed_in: Vec<QueueName>,
    /// Only events that match this pattern, as in a route's `when`: JSON, or `@FILE`.
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(super) when: Option<Value>,
    /// Only letters of this cause.
    #[arg(long, requires = "letters_of")]
    pub(super) cause: Option<String>,
    #[command(flatten)]
    pub(super) pace: Pace,
}

/// Does what is said.
pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), CommandFault> {
    let output = if arguments.json { Output::Json } else { Output::Table };
    if let Verb::Purge { queue, yes: false } = &arguments.verb {
        let why = format!("purge drops all events of {queue}: say --yes if that is meant");
        return Err(CommandFault::Misused(why));
    }
    if let Some(done) = without_gateway(&arguments, output) {
        return done;
    }
    let admin = Admin::new(arguments.admin, arguments.config.as_deref(), output)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| RunFault::System { what: "start the runtime", fault })?;
    runtime.block_on(act(&admin, arguments.verb))
}

/// Does what needs no gateway; `None` if one is meant.
fn without_gateway(arguments: &Arguments, output: Output) -> Option<Result<(), CommandFault>> {
    let Arguments { data, config, verb, .. } = arguments;
    let of_folder = matches!(verb, Verb::Verify | Verb::Dump(_) | Verb::Repair { .. });
    if data.is_none() && !of_folder {
        return None;
    }
    Some(Folder::new(data.as_deref(), config.as_deref(), output).and_then(|folder| match verb {
        Verb::Verify => folder.verify(),
        Verb::Dump(dump) => folder.dump(dump),
        Verb::Repair { dry_run: true } => folder.repair(Mode::DryRun),
        Verb::Repair { dry_run: false } => folder.repair(Mode::ForReal),
        Verb::Ls => folder.list(None),
        Verb::Stats { queue, watch: false, .. } => folder.list(queue.as_ref()),
        Verb::Peek(peek) => folder.peek(peek),
        _ => {
            let why = "this needs a running gateway: leave --data out";
            Err(CommandFault::Misused(why.to_owned()))
        }
    }))
}

async fn act(admin: &Admin, verb: Verb) -> Result<(), CommandFault> {
    match verb {
        Verb::Ls => look::list(admin).await,
        Verb::Show { queue } => look::show(admin, &queue).await,
        Verb::Peek(peek) => look::peek(admin, &peek).await,
        Verb::Stats { queue, watch, every } => {
            watch::stats(admin, queue.as_ref(), watch.then_some(every)).await
        }
        Verb::Pause { queue } => manage::deliver(admin, &queue, "pause").await,
        Verb::Resume { queue } => manage::deliver(admin, &queue, "resume").await,
        Verb::Hold { queue, lift } => manage::hold(admin, &queue, !lift).await,
        Verb::Create(create) => manage::create(admin, &create).await,
        Verb::Rm { queue } => manage::remove(admin, &queue).await,
        Verb::Purge { queue, .. } => manage::purge(admin, &queue).await,
        Verb::Redrive(redrive) => jobs::redrive(admin, &redrive).await,
        Verb::Replay(replay) => jobs::replay(admin, &replay).await,
        Verb::Jobs { verb } => jobs::see_to(admin, verb).await,
        // They were done before a gateway was looked for.
        Verb::Verify | Verb::Dump(_) | Verb::Repair { .. } => Ok(()),
    }
}

/// A JSON document: as it stands, or `@` and the file that holds it.
fn json(text: &str) -> Result<Value, String> {
    let read = |file| std::fs::read_to_string(file).map_err(|fault| format!("{file}: {fault}"));
    let text = match text.strip_prefix('@') {
        Some(file) => read(file)?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|fault| fault.to_string())
}
