//! Past events of a queue: of a running gateway, over its admin API, or of a stopped data folder.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::QueueName;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::forensics::{self, Options};

use crate::cli::CommandFault;
use crate::cli::admin::Admin;
use crate::clock::machine_clock;
use crate::config;
use crate::fault::RunFault;

/// Which events: those that came into a queue within a time.
pub(super) struct Window {
    pub(super) queue: QueueName,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
}

/// Hands the events of a running gateway to `take`, until it says that it has enough.
pub(super) async fn of_gateway(
    admin: &Admin,
    window: &Window,
    take: &mut dyn FnMut(Event) -> bool,
) -> Result<(), CommandFault> {
    let Window { queue, since, until } = window;
    let (since, until) = (since.rfc3339(), until.rfc3339());
    let path =
        format!("/v1/queues/{queue}/past?since={since}&until={until}&limit=1000&payload=base64");
    let mut page = admin.get(&path).await?;
    loop {
        let Page { events, next } = serde_json::from_value(page).map_err(unreadable)?;
        for one in events {
            if !take(one.event.event()?) {
                return Ok(());
            }
        }
        let Some(next) = next else { return Ok(()) };
        page = admin.get(&format!("{path}&from={next}")).await?;
    }
}

/// Hands the events of a stopped data folder to `take`. Its keys are those of the configuration.
pub(super) fn of_folder(
    folder: &Path,
    file: Option<&Path>,
    window: &Window,
    take: &mut dyn FnMut(Event) -> bool,
) -> Result<(), CommandFault> {
    let plan = file.map(|file| config::load(file, &machine_clock())).transpose();
    let store = plan.map_err(RunFault::from)?.map(|plan| plan.store);
    let encryption = store.and_then(|store| store.encryption);
    let options = Options { encryption, clock: machine_clock() };
    let mut enough = false;
    forensics::past(folder, &options, &mut |one| {
        let at = one.event.received_at;
        let is_meant =
            at >= window.since && at < window.until && one.queues.contains(&window.queue);
        if is_meant && !enough {
            enough = !take(one.event);
        }
    })
    .map_err(CommandFault::Folder)
}

#[derive(Deserialize)]
struct Page {
    events: Vec<One>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct One {
    event: CloudEvent,
}

/// An event as the API writes it. Fields that came several times under one name come as one, joined
/// by commas (RFC 9110 section 5.3).
#[derive(Deserialize)]
struct CloudEvent {
    id: String,
    source: String,
    r#type: String,
    time: String,
    sgreceivedtime: String,
    subject: Option<String>,
    #[serde(default)]
    datacontenttype: String,
    #[serde(default)]
    sgheaders: BTreeMap<String, String>,
    data_base64: String,
    #[serde(flatten)]
    extensions: BTreeMap<String, Value>,
}

impl CloudEvent {
    fn event(self) -> Result<Event, CommandFault> {
        let time = |text: &str| Timestamp::parse_rfc3339(text).map_err(unreadable);
        let received_at = time(&self.sgreceivedtime)?;
        let mut attributes = Fields::new();
        for (name, value) in &self.extensions {
            if let (false, Some(value)) = (name == "specversion", value.as_str()) {
                attributes.push(name, value);
            }
        }
        let headers = self.sgheaders.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Event::new(Parts {
            id: self.id.parse().map_err(unreadable)?,
            source: self.source.parse().map_err(unreadable)?,
            kind: self.r#type,
            subject: self.subject,
            time: Some(time(&self.time)?).filter(|time| *time != received_at),
            received_at,
            content_type: self.datacontenttype,
            attributes,
            headers: headers.collect(),
            payload: Bytes::from(STANDARD.decode(&self.data_base64).map_err(unreadable)?),
        }))
    }
}

fn unreadable(fault: impl std::fmt::Display) -> CommandFault {
    CommandFault::Remote(format!("the gateway answered what is no event: {fault}"))
}
