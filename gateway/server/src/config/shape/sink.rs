//! The shape of sinks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amqp::AmqpSink;
use super::mqtt_client::MqttSink;
use crate::config::scalars::Span;

/// A way out that pushes: exactly one protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Sink {
    /// The queue that it takes from.
    pub(in crate::config) from: String,
    /// HTTP POST, one event each, signed with Standard Webhooks.
    pub(in crate::config) http: Option<HttpSink>,
    /// One message per event to an MQTT broker.
    pub(in crate::config) mqtt: Option<MqttSink>,
    /// Messages to an exchange of a broker (AMQP 0-9-1).
    pub(in crate::config) amqp: Option<AmqpSink>,
    /// How many events it takes at once.
    #[serde(default)]
    pub(in crate::config) batch: Batch,
    /// How many batches are under way at once. Default 4.
    #[schemars(range(min = 1, max = 256))]
    pub(in crate::config) concurrency: Option<usize>,
}

/// HTTP POST to one URL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct HttpSink {
    /// Where to: `https://...` or `http://...`.
    pub(in crate::config) url: String,
    /// Secrets by name, to sign with; several while a key is rotated. As Standard Webhooks has
    /// them: `whsec_` and base64.
    #[serde(default)]
    pub(in crate::config) sign: Vec<String>,
    /// Headers to add.
    #[serde(default)]
    pub(in crate::config) headers: BTreeMap<String, String>,
    /// Headers whose values are secrets, such as `authorization`: the secret's name for each.
    #[serde(default)]
    pub(in crate::config) secret_headers: BTreeMap<String, String>,
    /// How long one attempt may take. Default `15s`.
    pub(in crate::config) timeout: Option<Span>,
    /// Whether every private and loopback address may be called. Default: none.
    #[serde(default)]
    pub(in crate::config) allow_private: bool,
    /// Private networks that may be called, such as `10.0.0.0/8`.
    #[serde(default)]
    pub(in crate::config) allow_networks: Vec<String>,
    /// A PEM file of the certificate authorities to believe, relative to this file. Default: the
    /// web's.
    pub(in crate::config) ca_file: Option<String>,
}

/// How many events a sink takes at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Batch {
    /// Events. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) events: Option<usize>,
}
