//! `sluicegate send`: signs a file as a source's provider does, and posts it to that source.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::cloudevents::{ContentMode, EventToSend, write};
use sluicegate_admission::{Scheme, SignRequest, Signer, Wrapping, wrap};
use sluicegate_sinks::http::Poster;
use tokio::time::Instant;

use super::{CommandFault, say, say_error};
use crate::clock::{Stamp, machine_clock};
use crate::config::{self, Plan};
use crate::fault::RunFault;

/// What `send` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file of the gateway.
    config: PathBuf,
    /// The source to send to.
    source: String,
    /// The file to send, byte for byte.
    file: PathBuf,
    /// The event's type, where the provider has a header for it: `push`.
    #[arg(long = "type", default_value = "")]
    kind: String,
    /// Send it as a CloudEvent in this mode; `--type` is needed then.
    #[arg(long, value_enum, value_name = "MODE")]
    cloudevents: Option<Mode>,
    /// The CloudEvent's source.
    #[arg(long, default_value = "/sluicegate/send", requires = "cloudevents")]
    event_source: String,
    /// The delivery's id; without it each delivery gets a new one.
    #[arg(long)]
    id: Option<String>,
    /// The media type of the file.
    #[arg(long, default_value = "application/json")]
    content_type: String,
    /// A header to add, such as one that a filter decides by: `X-Spam: yes`.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Where the gateway listens; without it, where its configuration says.
    #[arg(long)]
    url: Option<String>,
    /// The id of the key to sign with; without it, the source's first.
    #[arg(long)]
    key: Option<String>,
    /// How many times to send it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    repeat: u64,
    /// At most so many a second; without it, one after the other.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
}

/// How a CloudEvent is sent.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// Attributes in headers, the file as the body.
    Binary,
    /// All in one JSON document.
    Structured,
    /// The same, in a list of one.
    Batch,
}

impl From<Mode> for ContentMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Binary => Self::Binary,
            Mode::Structured => Self::Structured,
            Mode::Batch => Self::Batch,
        }
    }
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a header is NAME: VALUE"),
    }
}

/// Sends, and says what the gateway answered; fails if it refused any.
pub(super) fn send(arguments: &Arguments) -> Result<(), CommandFault> {
    let plan = config::load(&arguments.config, &machine_clock()).map_err(RunFault::from)?;
    let delivery = Prepared::new(arguments, &plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| RunFault::System { what: "start the runtime", fault })?;
    runtime.block_on(delivery.send(arguments))
}

/// Everything that is the same for every repetition.
struct Prepared {
    signer: Signer,
    url: String,
    public_url: String,
    body: Bytes,
    wrapping: Wrapping,
    stamp: Stamp,
    poster: Poster,
}

/// What the gateway answered, counted.
#[derive(Default)]
struct Tally {
    accepted: u64,
    duplicates: u64,
    refused: u64,
}

impl Prepared {
    fn new(arguments: &Arguments, plan: &Plan) -> Result<Self, CommandFault> {
        let input = |text: String| CommandFault::Input(text);
        if arguments.cloudevents.is_some() && arguments.kind.is_empty() {
            return Err(CommandFault::Misused("a CloudEvent has a type: --type".to_owned()));
        }
        let name = &arguments.source;
        let gate = plan.gates.iter().find(|gate| gate.source.as_str() == name);
        let source = plan.sources.iter().find(|source| source.name.as_str() == name);
        let (Some(gate), Some(source)) = (gate, source) else {
            let file = arguments.config.display();
            return Err(input(format!("{file} has no usable source {name:?}: see `check`")));
        };
        let Some(path) = source.way.path() else {
            return Err(input(format!("source {name:?} does not listen for HTTP")));
        };
        let key = match &arguments.key {
            Some(id) => gate.keys.iter().find(|key| key.id.as_str() == id),
            None => gate.keys.first(),
        };
        let signer = match (key, &gate.scheme) {
            (Some(key), scheme) => Signer::new(scheme, key),
            (None, Scheme::None) => Ok(Signer::open()),
            (None, _) => return Err(input(format!("source {name:?} has no such key"))),
        }
        .map_err(|fault| input(fault.to_string()))?;
        let base = arguments.url.clone().unwrap_or_else(|| format!("http://{}", plan.http));
        let url = format!("{}{}", base.trim_end_matches('/'), path.path);
        let body = std::fs::read(&arguments.file)
            .map_err(|fault| input(format!("cannot read {}: {fault}", arguments.file.display())))?;
        Ok(Self {
            signer,
            public_url: gate.public_url.clone().unwrap_or_else(|| url.clone()),
            url,
            body: Bytes::from(body),
            wrapping: gate.wrapping,
            stamp: Stamp::new(machine_clock()),
            poster: Poster::new().map_err(|fault| input(fault.to_string()))?,
        })
    }

    async fn send(&self, arguments: &Arguments) -> Result<(), CommandFault> {
        let mut tally = Tally::default();
        let started = Instant::now();
        let pace = arguments.rate.map(|rate| Duration::from_secs(1) / rate);
        for number in 0..arguments.repeat {
            if let Some(pace) = pace {
                // Against the intended time, so that a slow answer does not slow the rest.
                let due = pace.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
                tokio::time::sleep_until(started + due).await;
            }
            let (status, body) = self.once(arguments).await?;
            let text = String::from_utf8_lossy(&body);
            tally.count(status, &text);
            if arguments.repeat == 1 {
                say(&format!("{status} {text}"));
            } else if status >= 300 {
                say_error(&format!("{status} {text}"));
            }
        }
        if arguments.repeat > 1 {
            let Tally { accepted, duplicates, refused } = tally;
            let seconds = started.elapsed().as_secs_f64();
            say(&format!(
                "{accepted} accepted, {duplicates} duplicates, {refused} refused in {seconds:.1} s"
            ));
        }
        if tally.refused > 0 { Err(CommandFault::Told) } else { Ok(()) }
    }

    async fn once(&self, arguments: &Arguments) -> Result<(u16, Bytes), CommandFault> {
        let arrival = self.stamp.arrival();
        let fresh = arrival.id.to_string();
        let id = arguments.id.as_deref().unwrap_or(&fresh);
        let (own, body) = match arguments.cloudevents {
            None => {
                let content_type = ("content-type".to_owned(), arguments.content_type.clone());
                (vec![content_type], self.body.clone())
            }
            Some(mode) => {
                let event = EventToSend {
                    id,
                    source: &arguments.event_source,
                    kind: &arguments.kind,
                    content_type: &arguments.content_type,
                    data: &self.body,
                };
                let (headers, body) = write(&event, mode.into());
                (headers, Bytes::from(body))
            }
        };
        let request = SignRequest {
            body: &body,
            id,
            now: arrival.at,
            url: &self.public_url,
            method: "POST",
            kind: &arguments.kind,
        };
        let mut headers =
            self.signer.sign(request).map_err(|fault| CommandFault::Input(fault.to_string()))?;
        headers.extend(own);
        let mut body = body;
        if self.wrapping == Wrapping::Envelope {
            body = Bytes::from(wrap(&headers, &body));
            headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        }
        headers.push(("user-agent".to_owned(), USER_AGENT.to_owned()));
        headers.extend_from_slice(&arguments.headers);
        self.poster
            .post(&self.url, &headers, body)
            .await
            .map_err(|fault| CommandFault::Input(format!("cannot post to {}: {fault}", self.url)))
    }
}

impl Tally {
    fn count(&mut self, status: u16, body: &str) {
        let duplicate = || {
            serde_json::from_str::<serde_json::Value>(body)
                .is_ok_and(|answer| answer.get("duplicate") == Some(&serde_json::Value::Bool(true)))
        };
        match status {
            200..=299 if duplicate() => self.duplicates += 1,
            200..=299 => self.accepted += 1,
            _ => self.refused += 1,
        }
    }
}

/// Says to a receiver that this is no provider's.
const USER_AGENT: &str = concat!("sluicegate-send/", env!("CARGO_PKG_VERSION"));
