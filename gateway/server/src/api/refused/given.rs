//! A delivery that somebody sends to have it explained: in the shape in which a kept one is shown.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::HEADERS_MAX;
use sluicegate_core::time::Timestamp;

/// A delivery as somebody wrote it down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    source: String,
    #[serde(default = "post")]
    method: String,
    target: Option<String>,
    #[serde(default)]
    headers: Headers,
    body: Option<String>,
    body_base64: Option<String>,
    /// When it came; without it, now.
    arrived: Option<String>,
    /// What a delivery that was shown has beside: it says nothing here.
    #[serde(default, rename = "peer")]
    _peer: Option<String>,
    transport: Option<Beside>,
}

/// What a protocol says of a delivery beside headers and body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    #[serde(default)]
    attributes: Vec<(String, String)>,
    #[serde(rename = "type")]
    kind: Option<String>,
    time: Option<String>,
    dedupe: Option<String>,
}

impl Beside {
    fn read(self) -> Result<Transport, String> {
        let pairs = self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let attributes = pairs.collect();
        let time = self.time.map(|text| time("transport.time", &text)).transpose()?;
        let (kind, dedupe) = (self.kind, self.dedupe);
        Ok(Transport { attributes, kind, time, dedupe, ..Transport::default() })
    }
}

/// Pairs, in order, or an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Pairs(Vec<(String, String)>),
    Object(BTreeMap<String, String>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Given {
    /// The delivery, and when it came.
    pub(super) fn read(self, now: Timestamp) -> Result<(Delivery, Timestamp), String> {
        let at = match &self.arrived {
            Some(text) => time("arrived", text)?,
            None => now,
        };
        let mut headers = Fields::new();
        match &self.headers {
            Headers::Pairs(pairs) => {
                pairs.iter().for_each(|(name, value)| headers.push(name, value))
            }
            Headers::Object(map) => map.iter().for_each(|(name, value)| headers.push(name, value)),
        }
        if headers.len() > HEADERS_MAX {
            return Err(format!("a delivery has at most {HEADERS_MAX} headers"));
        }
        let body = match (self.body, self.body_base64) {
            (Some(_), Some(_)) => return Err("a delivery has one body".to_owned()),
            (Some(text), None) => Bytes::from(text),
            (None, Some(text)) => Bytes::from(
                STANDARD.decode(text).map_err(|_| "body_base64 is not base64".to_owned())?,
            ),
            (None, None) => Bytes::new(),
        };
        let source = self.source.parse().map_err(|fault| format!("source: {fault}"))?;
        let target = self.target.unwrap_or_else(|| "/".to_owned());
        let method = self.method;
        let transport = self.transport.map(Beside::read).transpose()?.unwrap_or_default();
        let delivery = Delivery { source, method, target, headers, body, peer: None, transport };
        Ok((delivery, at))
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, String> {
    let time = Timestamp::parse_rfc3339(text);
    time.map_err(|_| format!("{name}: {text:?} is not a time as RFC 3339 has it"))
}

fn post() -> String {
    "POST".to_owned()
}
