//! `--data`: what can be said of a data folder that no gateway has open. It must change nothing but
//! what `repair` says that it does.
//!
//! Exit codes: 0 the folder is sound, or it was shown; 1 it is damaged, events are lost, or what
//! was asked for is not in it; 2 the command is misused, or the folder cannot be opened.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueFault;
use sluicegate_queue::forensics::{
    self, EntryKind, Filter, Finding, Health, Mode, Options, Payloads, Progress, Report,
};
use sluicegate_queue::{Browsed, Cursor, OpenFault};

use super::arguments::Peek;
use crate::cli::admin::Output;
use crate::cli::table::{Table, plain, span};
use crate::cli::{CommandFault, say};
use crate::clock::machine_clock;
use crate::config;
use crate::fault::RunFault;

/// A data folder that no gateway has open, and its keys.
pub(super) struct Folder {
    path: PathBuf,
    options: Options,
    output: Output,
}

/// What `dump` takes.
#[derive(Debug, Args)]
pub(super) struct Dump {
    /// Only entries from this position on, as an earlier dump printed it.
    #[arg(long, value_name = "POSITION")]
    from: Option<Cursor>,
    /// Only entries before this position.
    #[arg(long, value_name = "POSITION")]
    to: Option<Cursor>,
    /// Only entries that say something of this queue.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<QueueName>,
    /// Only entries of this kind; may be given several times.
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// With payloads, and with the values of headers.
    #[arg(long)]
    payload: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Commit,
    Changes,
    Again,
    Catalogue,
    Damage,
}

impl Folder {
    /// The folder at this path, or the one of a configuration; the keys are the configuration's.
    pub(super) fn new(
        path: Option<&Path>,
        file: Option<&Path>,
        output: Output,
    ) -> Result<Self, CommandFault> {
        let plan = file.map(|file| config::load(file, &machine_clock())).transpose();
        let store = plan.map_err(RunFault::from)?.map(|plan| plan.store);
        let path = match (path, &store) {
            (Some(path), _) => path.to_owned(),
            (None, Some(store)) => store.folder.clone(),
            (None, None) => {
                let why = "say which folder is meant: --data FOLDER, or --config FILE";
                return Err(CommandFault::Misused(why.to_owned()));
            }
        };
        let encryption = store.and_then(|store| store.encryption);
        Ok(Self { path, options: Options { encryption, clock: machine_clock() }, output })
    }

    /// Reads every byte, and says what is not as it should be.
    pub(super) fn verify(&self) -> Result<(), CommandFault> {
        let bar = Bar::new();
        let report = forensics::verify(&self.path, &self.options, &mut |step| bar.at(step));
        bar.end();
        let report = report.map_err(unopened)?;
        match self.output {
            Output::Json => say(&report.json().to_string()),
            Output::Table => print_report(&report),
        }
        told(report.health())
    }

    /// Makes derived files again and sets damage aside; or says what it would do.
    pub(super) fn repair(&self, mode: Mode) -> Result<(), CommandFault> {
        let bar = Bar::new();
        let done = forensics::repair(&self.path, &self.options, mode, &mut |step| bar.at(step));
        bar.end();
        let done = done.map_err(unopened)?;
        if self.output == Output::Json {
            say(&done.json().to_string());
            return told(done.after.health());
        }
        let heads =
            [if mode == Mode::DryRun { "would be done" } else { "done" }, "file", "because"];
        let mut table = Table::new(&heads);
        for action in &done.actions {
            let cells = [action.done, &action.file, action.what.code()];
            table.row(cells.map(str::to_owned).into());
        }
        if done.actions.is_empty() {
            say("nothing is to be repaired");
        } else {
            table.print();
        }
        if let Some(record) = done.record.filter(|_| mode == Mode::ForReal) {
            say(&format!("\nwritten down in {record}"));
        }
        say("\nafter it:\n");
        print_report(&done.after);
        told(done.after.health())
    }

    /// Every entry of the log in order, a line of JSON each.
    pub(super) fn dump(&self, ask: &Dump) -> Result<(), CommandFault> {
        let kind = |kind: &Kind| match kind {
            Kind::Commit => EntryKind::Commit,
            Kind::Changes => EntryKind::Changes,
            Kind::Again => EntryKind::Again,
            Kind::Catalogue => EntryKind::Catalogue,
            Kind::Damage => EntryKind::Damage,
        };
        let filter = Filter {
            from: ask.from,
            to: ask.to,
            queue: ask.queue.clone(),
            kinds: ask.kind.iter().map(kind).collect(),
            payloads: if ask.payload { Payloads::Shown } else { Payloads::Left },
        };
        let mut out = BufWriter::new(io::stdout().lock());
        let mut sink = |entry: Value| writeln!(out, "{entry}");
        let dumped = forensics::dump(&self.path, &self.options, &filter, &mut sink);
        match dumped.and_then(|_| out.flush().map_err(broken)) {
            // A reader that went away (`| head`) is no fault of ours.
            Err(OpenFault::Disk { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
                Ok(())
            }
            done => done.map_err(unopened),
        }
    }

    /// The numbers of all queues, or of one.
    pub(super) fn list(&self, only: Option<&QueueName>) -> Result<(), CommandFault> {
        let mut queues = forensics::queues(&self.path, &self.options).map_err(unopened)?;
        queues.retain(|(name, _)| only.is_none_or(|only| only == name));
        if let Some(only) = only.filter(|_| queues.is_empty()) {
            return Err(no_queue(only));
        }
        let age = |age: std::time::Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        if self.output == Output::Json {
            let one = |(name, stats): &(QueueName, sluicegate_core::queue::QueueStats)| {
                json!({
                    "name": name.as_str(), "depth": stats.depth, "ready": stats.ready,
                    "leased": stats.leased, "delayed": stats.delayed, "blocked": stats.blocked,
                    "dead": stats.dead, "bytes": stats.bytes,
                    "oldest_age_ms": age(stats.oldest_age),
                })
            };
            say(&json!({ "queues": queues.iter().map(one).collect::<Vec<_>>() }).to_string());
            return Ok(());
        }
        let heads = ["queue", "depth", "ready", "delayed", "blocked", "dead", "oldest", "bytes"];
        let mut table = Table::new(&heads);
        for (name, stats) in &queues {
            let numbers = [stats.depth, stats.ready, stats.delayed, stats.blocked, stats.dead];
            let mut cells = vec![name.to_string()];
            cells.extend(numbers.map(|number| number.to_string()));
            cells.extend([span(age(stats.oldest_age)), stats.bytes.to_string()]);
            table.row(cells);
        }
        table.print();
        Ok(())
    }

    /// Events of a queue.
    pub(super) fn peek(&self, ask: &Peek) -> Result<(), CommandFault> {
        let max = usize::try_from(ask.limit).unwrap_or(usize::MAX);
        let events = forensics::peek(&self.path, &self.options, &ask.queue, ask.after, max);
        let mut events = events.map_err(unopened)?.ok_or_else(|| no_queue(&ask.queue))?;
        let next = (events.len() == max).then(|| events.last().map(|last| last.cursor)).flatten();
        let wanted =
            |one: &Browsed| ask.standing.as_deref().is_none_or(|word| word == one.standing.word());
        events.retain(wanted);
        if self.output == Output::Json {
            let events: Vec<Value> = events.iter().map(|one| shown(one, ask.payload)).collect();
            let next = next.map(|next| next.to_string());
            say(&json!({ "events": events, "next": next }).to_string());
            return Ok(());
        }
        let heads = ["cursor", "standing", "attempts", "received", "source", "type", "id", "why"];
        let mut table = Table::new(&heads);
        events.iter().for_each(|one| table.row(cells(one)));
        table.print();
        for event in events.iter().filter(|_| ask.payload).filter_map(|one| one.event.as_ref()) {
            let payload = match std::str::from_utf8(&event.payload) {
                Ok(text) => plain(text),
                Err(_) => STANDARD.encode(&event.payload),
            };
            say(&format!("\n{}\n{payload}", event.id));
        }
        if let Some(next) = next {
            say(&format!("\nmore: --after {next}"));
        }
        Ok(())
    }
}

fn print_report(report: &Report) {
    let Report { segments, entries, bytes, .. } = report;
    say(&format!("{segments} segments, {entries} entries, {bytes} bytes"));
    for finding in &report.findings {
        print_finding(finding);
    }
    if let Some(queues) = &report.queues {
        say("");
        let mut table = Table::new(&["queue", "readable", "not readable"]);
        for queue in queues {
            let cells =
                [queue.name.clone(), queue.readable.to_string(), queue.unreadable.to_string()];
            table.row(cells.into());
        }
        table.print();
    }
    say(match report.health() {
        Health::Sound => "\nsound: everything is as it was written",
        Health::Damaged => "\ndamaged: no event is lost",
        Health::Lost => "\nevents are lost",
    });
}

fn print_finding(finding: &Finding) {
    let at = finding.bytes.as_ref().map_or_else(String::new, |bytes| {
        format!(", offset {}, {} bytes", bytes.start, bytes.end - bytes.start)
    });
    let (code, severity) = (finding.what.code(), finding.severity.word());
    say(&format!("\n{severity}: {code} in {}{at}", plain(&finding.file)));
    say(&format!("  {}", finding.what.means()));
    for (word, text) in [("detail", &finding.detail), ("lost", &finding.lost)] {
        if !text.is_empty() {
            say(&format!("  {word}: {}", plain(text)));
        }
    }
    say(&format!("  repair: {}", finding.what.repair()));
}

fn cells(one: &Browsed) -> Vec<String> {
    let mut cells =
        vec![one.cursor.to_string(), one.standing.word().to_owned(), one.attempts.to_string()];
    match &one.event {
        Some(event) => cells.extend([
            event.received_at.rfc3339(),
            event.source.to_string(),
            event.kind.clone(),
            event.id.to_string(),
        ]),
        None => cells.extend(["-", "-", "-", "damaged"].map(str::to_owned)),
    }
    cells.push(one.letter.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string));
    cells
}

fn shown(one: &Browsed, payload: bool) -> Value {
    let event = one.event.as_ref().map(|event| {
        let data = payload.then(|| STANDARD.encode(&event.payload));
        json!({
            "id": event.id.to_string(), "source": event.source.to_string(), "type": event.kind,
            "subject": event.subject, "datacontenttype": event.content_type,
            "sgreceivedtime": event.received_at.rfc3339(), "data_base64": data,
        })
    });
    let letter = one.letter.as_ref().map(|letter| {
        json!({
            "cause": letter.cause.code(), "reason": letter.reason, "attempts": letter.attempts,
            "origin": letter.origin.as_ref().map(ToString::to_string),
        })
    });
    json!({
        "cursor": one.cursor.to_string(), "standing": one.standing.word(), "attempts": one.attempts,
        "priority": one.priority.level(), "event": event, "letter": letter,
    })
}

/// The exit code says how the folder is.
fn told(health: Health) -> Result<(), CommandFault> {
    match health {
        Health::Sound => Ok(()),
        Health::Damaged | Health::Lost => Err(CommandFault::Told),
    }
}

fn unopened(fault: OpenFault) -> CommandFault {
    CommandFault::Folder(fault)
}

fn broken(source: io::Error) -> OpenFault {
    OpenFault::Disk { doing: "write the dump", source }
}

fn no_queue(name: &QueueName) -> CommandFault {
    let code = QueueFault::NoQueue.code();
    CommandFault::Input(format!("the folder has no queue {name} [{code}]"))
}

/// How far the reading is, on standard error of a person.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn at(&self, step: Progress) {
        self.0.set_length(step.bytes_total);
        self.0.set_position(step.bytes_done);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
