//! The published shape of the configuration. The JSON Schema is made from these types, and the
//! doc comments here are what an editor shows.

mod amqp;
mod breaker;
mod broker;
mod encryption;
mod fetch;
mod mqtt;
mod mqtt_client;
mod queue;
mod refused;
mod retain;
mod route;
mod secret;
mod sink;
mod source;
mod verify;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::Value;

use super::scalars::{Size, Span};

pub(in crate::config) use amqp::{
    AmqpDedupe, AmqpSink, AmqpSource, Bind, Declare, Login, OnUnroutable, QueueType,
};
pub(in crate::config) use breaker::{Breaker, Section as BreakerSection};
pub(in crate::config) use broker::{BrokerTls, CloudEvents, MessageFormat};
pub(in crate::config) use encryption::{Encryption, Vault, WrappingKey};
pub(in crate::config) use fetch::Fetch;
pub(in crate::config) use mqtt::{AccessRule, Jwt, JwtAlgorithm, Mqtt, MqttLimits};
pub(in crate::config) use mqtt_client::{MqttBroker, MqttClient, MqttSink, MqttVersion};
pub(in crate::config) use queue::{OnExpiry, Queue, Retry, WhenFull};
pub(in crate::config) use refused::Refused;
pub(in crate::config) use retain::Retain;
pub(in crate::config) use route::{Credentials, OnFailure, Plugin, Route, State, When};
pub(in crate::config) use secret::{SecretRef, VaultServer};
pub(in crate::config) use sink::{HttpSink, Sink};
pub(in crate::config) use source::{
    EventFacts, Format, HttpSource, MqttSource, OnUnknown, OnViolation, SchemaRule, Source,
};
pub(in crate::config) use verify::{
    Algorithm, Encoding, Generic, Handshake, Key, SecretEncoding, TimestampUnit, Verify,
};

/// The configuration of a Sluicegate gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Config {
    /// The version of this shape: 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema holds it to 1; it is there for later versions")]
    pub(in crate::config) version: u32,
    /// The data folder, relative to this file. One gateway at a time may use it.
    pub(in crate::config) data: String,
    /// Where to listen.
    pub(in crate::config) listen: Listen,
    /// Who may come in over MQTT, and the bounds of that listener.
    #[serde(default)]
    pub(in crate::config) mqtt: Mqtt,
    /// When a commit is durable: `always` flushes before every answer (in groups), or
    /// `{ interval: 100ms }` flushes that often and may lose what came since.
    #[serde(default)]
    pub(in crate::config) fsync: Fsync,
    /// Encryption at rest. Without it, the log lies on the disk as it came in; a folder that was
    /// once encrypted is not opened without.
    pub(in crate::config) encryption: Option<Encryption>,
    /// Secrets by name; only ever by reference.
    #[serde(default)]
    pub(in crate::config) secrets: BTreeMap<String, SecretRef>,
    /// Vaults that secrets are read from, by name.
    #[serde(default)]
    pub(in crate::config) vaults: BTreeMap<String, VaultServer>,
    /// A folder of payload schemas, relative to this file: `SUBJECT.json`, `SUBJECT.v2.json`.
    pub(in crate::config) schemas: Option<String>,
    /// Where events come in, by name.
    #[serde(default)]
    pub(in crate::config) sources: BTreeMap<String, Source>,
    /// How certificates and keys that prove senders are fetched, and subscriptions confirmed.
    #[serde(default)]
    pub(in crate::config) fetch: Fetch,
    /// Wasm filters, by name.
    #[serde(default)]
    pub(in crate::config) plugins: BTreeMap<String, Plugin>,
    /// Which events go where.
    #[serde(default)]
    pub(in crate::config) routes: Vec<Route>,
    /// Durable queues, by name.
    #[serde(default)]
    pub(in crate::config) queues: BTreeMap<String, Queue>,
    /// Ways out that push, by name.
    #[serde(default)]
    pub(in crate::config) sinks: BTreeMap<String, Sink>,
    /// Bounds of the whole gateway.
    #[serde(default)]
    pub(in crate::config) limits: Limits,
}

/// Addresses to listen on; port 0 takes a free one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Listen {
    /// Webhooks: HTTP/1.1 and HTTP/2 without TLS.
    pub(in crate::config) http: String,
    /// MQTT 3.1.1 and 5 without TLS.
    pub(in crate::config) mqtt: Option<String>,
    /// MQTT 3.1.1 and 5 over TLS; needs `mqtt.tls`.
    pub(in crate::config) mqtts: Option<String>,
    /// MQTT over WebSocket, on every path.
    pub(in crate::config) mqtt_ws: Option<String>,
    /// MQTT over WebSocket and TLS; needs `mqtt.tls`.
    pub(in crate::config) mqtt_wss: Option<String>,
    /// The consumer and admin API. Only a loopback address, unless `admin_token` is set.
    pub(in crate::config) admin: String,
    /// The secret that callers of the admin listener must present as a bearer token.
    pub(in crate::config) admin_token: Option<String>,
}

/// When a commit is durable.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Fsync {
    /// Before every answer, in groups.
    #[default]
    Always,
    /// So often; a crash of the machine loses what came since.
    Interval(Span),
}

/// Bounds of the whole gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Limits {
    /// Connections of senders. Default 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) connections: Option<usize>,
    /// Connections of one address. Default 1024.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) connections_per_address: Option<usize>,
    /// Time to the first byte of a connection's first request. Default `5s`.
    pub(in crate::config) first_byte: Option<Span>,
    /// Time for the head of a request. Default `10s`.
    pub(in crate::config) head: Option<Span>,
    /// Time for a whole body. Default `60s`.
    pub(in crate::config) body: Option<Span>,
    /// Idle time of a connection that is kept alive. Default `75s`.
    pub(in crate::config) idle: Option<Span>,
    /// Threads that run filters. Default: one for each core.
    #[schemars(range(min = 1, max = 256))]
    pub(in crate::config) filter_threads: Option<usize>,
    /// Free disk space below which events are refused. Default `256MiB`.
    pub(in crate::config) free_disk_min: Option<Size>,
    /// The size of one file of the log, from `64KiB` to `1GiB`. What is settled is deleted file by
    /// file. Default `64MiB`.
    pub(in crate::config) segment_size: Option<Size>,
    /// How long requests in flight may take after a stop was asked for. Default `20s`.
    pub(in crate::config) drain: Option<Span>,
    /// How long, and how many, idempotency keys are remembered.
    #[serde(default)]
    pub(in crate::config) dedupe: DedupeLimits,
}

/// How long, and how many, idempotency keys are remembered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DedupeLimits {
    /// For so long; at most `3650d`. Default `3d`.
    pub(in crate::config) window: Option<Span>,
    /// At most so many. Default 1000000.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(in crate::config) keys: Option<usize>,
}

/// The JSON Schema (2020-12) of the configuration, as it is published.
#[must_use]
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>();
    schema.insert("$id".to_owned(), Value::String("sluicegate/config.schema.json".to_owned()));
    schema.to_value()
}

/// The JSON Schema of one queue: a part of that of the configuration.
pub(in crate::config) fn queue_json_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Queue>().to_value()
}
