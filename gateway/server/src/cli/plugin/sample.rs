//! An event as a person writes it in a file of cases.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

/// An event. Everything has a default; the payload is one of `json`, `text` and `base64`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Sample {
    /// The id: a UUID; one and the same if nothing is said.
    id: Option<String>,
    /// The source; `test` if nothing is said.
    source: Option<String>,
    /// What happened.
    #[serde(rename = "type", default)]
    kind: String,
    /// What it happened to.
    subject: Option<String>,
    /// When it happened (RFC 3339); when it was received, if nothing is said.
    time: Option<String>,
    /// When it was received (RFC 3339); the first second of 2026 if nothing is said.
    received: Option<String>,
    /// The media type; `application/json` for `json`, else empty, if nothing is said.
    content_type: Option<String>,
    /// Attributes by name.
    #[serde(default)]
    attributes: BTreeMap<String, Values>,
    /// Headers by name.
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    /// The payload: this value, written without spaces.
    json: Option<Value>,
    /// The payload: these characters.
    text: Option<String>,
    /// The payload: these bytes, in Base64.
    base64: Option<String>,
}

/// One value, or several of the same name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl Sample {
    /// The event that is meant.
    ///
    /// # Errors
    /// What is wrong with it, for its author to read.
    pub(super) fn event(&self) -> Result<Event, String> {
        let received_at = instant("received", self.received.as_deref())?.unwrap_or(RECEIVED);
        let id = self.id.as_deref().map(str::parse).transpose();
        let source = self.source.as_deref().unwrap_or("test").parse();
        let content_type = match (&self.content_type, &self.json) {
            (Some(content_type), _) => content_type.clone(),
            (None, Some(_)) => "application/json".to_owned(),
            (None, None) => String::new(),
        };
        Ok(Event::new(Parts {
            id: id
                .map_err(|fault| format!("id: {fault}"))?
                .unwrap_or_else(|| EventId::new(received_at, 1)),
            source: source.map_err(|fault| format!("source: {fault}"))?,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            time: instant("time", self.time.as_deref())?,
            received_at,
            content_type,
            attributes: fields(&self.attributes),
            headers: fields(&self.headers),
            payload: self.payload()?,
        }))
    }

    fn payload(&self) -> Result<Bytes, String> {
        match (&self.json, &self.text, &self.base64) {
            (None, None, None) => Ok(Bytes::new()),
            (Some(value), None, None) => Ok(Bytes::from(value.to_string())),
            (None, Some(text), None) => Ok(Bytes::from(text.clone())),
            (None, None, Some(text)) => {
                let bytes = STANDARD.decode(text).map_err(|fault| format!("base64: {fault}"))?;
                Ok(Bytes::from(bytes))
            }
            _ => Err("the payload is one of json, text and base64".to_owned()),
        }
    }
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, String> {
    let read =
        |text: &str| Timestamp::parse_rfc3339(text).map_err(|fault| format!("{name}: {fault}"));
    text.map(read).transpose()
}

fn fields(named: &BTreeMap<String, Values>) -> Fields {
    let mut fields = Fields::new();
    for (name, values) in named {
        match values {
            Values::One(value) => fields.push(name, value),
            Values::Several(values) => values.iter().for_each(|value| fields.push(name, value)),
        }
    }
    fields
}

/// 2026-01-01T00:00:00Z.
const RECEIVED: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);
