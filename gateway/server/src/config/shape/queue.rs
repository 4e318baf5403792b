//! The shape of queues and sinks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::{Size, Span};

/// A durable queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Queue {
    /// How often and how patiently deliveries are tried.
    #[serde(default)]
    pub(in crate::config) retry: Retry,
    /// The queue for events that are given up. Default: `dead-letters`.
    pub(in crate::config) dead_letter: Option<String>,
    /// How long events stay in the log after they are settled. Default `0s`.
    pub(in crate::config) retain: Option<Span>,
    /// How much the queue may hold.
    #[serde(default)]
    pub(in crate::config) limits: QueueLimits,
}

/// How often and how patiently deliveries are tried.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Retry {
    /// Attempts in all. Default 12.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) attempts: Option<u32>,
    /// The wait after the first failed attempt; it doubles from there. Default `1s`.
    pub(in crate::config) min: Option<Span>,
    /// No wait is longer. Default `1h`.
    pub(in crate::config) max: Option<Span>,
}

/// How much a queue may hold; beyond it senders get 503 with `Retry-After`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct QueueLimits {
    /// Events not yet settled.
    #[schemars(range(min = 1))]
    pub(in crate::config) events: Option<u64>,
    /// Their bytes.
    pub(in crate::config) bytes: Option<Size>,
}

/// A way out that pushes: exactly one protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Sink {
    /// The queue that it takes from.
    pub(in crate::config) from: String,
    /// HTTP POST, one event each, signed with Standard Webhooks.
    pub(in crate::config) http: Option<HttpSink>,
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
