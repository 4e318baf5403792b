//! The published shape of the configuration. The JSON Schema is made from these types, and the
//! doc comments here are what an editor shows.

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::scalars::{Size, Span};

/// The configuration of a Sluicegate gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The version of this shape: 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema holds it to 1; it is there for later versions")]
    pub(super) version: u32,
    /// The data folder, relative to this file. One gateway at a time may use it.
    pub(super) data: String,
    /// Where to listen.
    pub(super) listen: Listen,
    /// When a commit is durable: `always` flushes before every answer (in groups), or
    /// `{ interval: 100ms }` flushes that often and may lose what came since.
    #[serde(default)]
    pub(super) fsync: Fsync,
    /// Secrets by name; only ever by reference.
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, SecretRef>,
    /// A folder of payload schemas, relative to this file: `SUBJECT.json`, `SUBJECT.v2.json`.
    pub(super) schemas: Option<String>,
    /// Where events come in, by name.
    #[serde(default)]
    pub(super) sources: BTreeMap<String, Source>,
    /// Wasm filters, by name.
    #[serde(default)]
    pub(super) plugins: BTreeMap<String, Plugin>,
    /// Which events go where.
    #[serde(default)]
    pub(super) routes: Vec<Route>,
    /// Durable queues, by name.
    #[serde(default)]
    pub(super) queues: BTreeMap<String, Queue>,
    /// Ways out that push, by name.
    #[serde(default)]
    pub(super) sinks: BTreeMap<String, Sink>,
    /// Bounds of the whole gateway.
    #[serde(default)]
    pub(super) limits: Limits,
}

/// Addresses to listen on; port 0 takes a free one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    /// Webhooks: HTTP/1.1 and HTTP/2 without TLS.
    pub(super) http: String,
    /// The consumer and admin API. Only a loopback address, unless `admin_token` is set.
    pub(super) admin: String,
    /// The secret that callers of the admin listener must present as a bearer token.
    pub(super) admin_token: Option<String>,
}

/// When a commit is durable.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fsync {
    /// Before every answer, in groups.
    #[default]
    Always,
    /// So often; a crash of the machine loses what came since.
    Interval(Span),
}

/// Where a secret is: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, relative to this one; one newline at its end is taken away.
    File(String),
}

/// A source: exactly one protocol, how to verify, and what to hold payloads against.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Webhooks over HTTP.
    pub(super) http: Option<HttpSource>,
    /// How senders prove themselves; `{ scheme: none }` says openly that they do not.
    pub(super) verify: Verify,
    /// What payloads are held against.
    pub(super) schema: Option<SchemaRule>,
    /// How fast senders may be.
    #[serde(default)]
    pub(super) limits: SourceLimits,
    /// Where to find the facts of an event, where the scheme's own places do not fit.
    #[serde(default)]
    pub(super) event: EventFacts,
}

/// Webhooks on one path.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSource {
    /// The path, exactly: `/hooks/github`.
    #[schemars(regex(pattern = "^/[!-~]*$"))]
    pub(super) path: String,
    /// The largest payload taken; at most 16 MiB. Default 1 MiB.
    pub(super) payload_max: Option<Size>,
    /// The media types taken, such as `application/json`; empty: any.
    #[serde(default)]
    pub(super) media_types: Vec<String>,
}

/// How senders prove themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    /// A provider's scheme (`github`, `standard-webhooks`, `stripe`, `slack`, ...; `sluicegate
    /// schemes` lists them), `generic`, or `none`.
    pub(super) scheme: String,
    /// The live keys, at least one unless the scheme is `none`.
    #[serde(default)]
    pub(super) keys: Vec<Key>,
    /// How far a signed timestamp may lie from now, both ways. Default: the scheme's own.
    pub(super) tolerance: Option<Span>,
    /// The URL that the provider calls, where the scheme signs it.
    pub(super) public_url: Option<String>,
    /// The scheme `generic`, described.
    pub(super) generic: Option<Generic>,
}

/// One live key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    /// A name for the key; stored with each event that it verified.
    pub(super) id: String,
    /// The secret, by its name under `secrets`.
    pub(super) secret: String,
    /// Not used for deliveries that arrive before (RFC 3339).
    pub(super) not_before: Option<String>,
    /// Not used for deliveries that arrive after (RFC 3339).
    pub(super) not_after: Option<String>,
}

/// A scheme of your own: an HMAC in a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Generic {
    /// The header that carries the signature.
    pub(super) header: String,
    /// The hash of the HMAC.
    #[serde(default)]
    pub(super) algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub(super) encoding: Encoding,
    /// What stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub(super) prefix: String,
    /// What separates several signatures in the header.
    #[schemars(length(min = 1, max = 1))]
    pub(super) separator: Option<String>,
    /// What is signed: text with `{body}`, `{timestamp}`, `{id}`, `{url}`, `{method}` and
    /// `{header:NAME}`. Default: `{body}`.
    pub(super) template: Option<String>,
    /// The header that carries the timestamp, where one is signed.
    pub(super) timestamp_header: Option<String>,
    /// The unit of the timestamp.
    #[serde(default)]
    pub(super) timestamp_unit: TimestampUnit,
    /// The header that carries the id of the delivery, where one is signed.
    pub(super) id_header: Option<String>,
    /// How the secret is written.
    #[serde(default)]
    pub(super) secret_encoding: SecretEncoding,
}

/// The hash of an HMAC.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Algorithm {
    /// SHA-1, for old providers only.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Base64 (RFC 4648 section 4).
    Base64,
    /// Base64 for URLs (RFC 4648 section 5).
    Base64url,
}

/// The unit of a signed timestamp.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TimestampUnit {
    /// Seconds since the Unix epoch.
    #[default]
    Seconds,
    /// Milliseconds since the Unix epoch.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
}

/// How a secret is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SecretEncoding {
    /// As it stands.
    #[default]
    Utf8,
    /// Hexadecimal.
    Hex,
    /// Base64.
    Base64,
}

/// What payloads are held against.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaRule {
    /// The subject of the schema; `{type}` stands for the event's type.
    pub(super) subject: String,
    /// What to do if no schema has that subject.
    #[serde(default)]
    pub(super) on_unknown: OnUnknown,
    /// What to do if the payload breaks the schema.
    #[serde(default)]
    pub(super) on_violation: OnViolation,
}

/// What to do if no schema has the subject.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnUnknown {
    /// Take the event unjudged.
    Accept,
    /// Refuse it with 422.
    #[default]
    Reject,
}

/// What to do if the payload breaks the schema.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnViolation {
    /// Refuse it with 422.
    #[default]
    Reject,
    /// Take it into the dead-letter queue.
    DeadLetter,
    /// Take it, with the attribute `sgviolations`.
    Tag,
}

/// How fast the senders of a source may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceLimits {
    /// Events per second, over time; beyond it the answer is 429.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) events_per_second: Option<u32>,
    /// Events at once. Default: one second's worth.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) burst: Option<u32>,
}

/// Where to find the facts of an event: each a list of `header:NAME`, `pointer:/json/pointer` or
/// `form:FIELD`, of which the first that is there counts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventFacts {
    /// The CloudEvents type; `webhook` if it is nowhere.
    #[serde(rename = "type")]
    pub(super) kind: Option<Vec<String>>,
    /// The CloudEvents subject.
    pub(super) subject: Option<Vec<String>>,
    /// When it happened: RFC 3339, or seconds or milliseconds since 1970.
    pub(super) time: Option<Vec<String>>,
    /// The idempotency key: a repeated delivery gets the first receipt again. An empty list turns
    /// that off.
    pub(super) dedupe: Option<Vec<String>>,
}

/// A Wasm filter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Plugin {
    /// The component, or core module with component metadata, relative to this file.
    pub(super) path: String,
    /// The SHA-256 of its bytes; another file is refused.
    pub(super) sha256: Option<String>,
    /// Given to the plugin's `configure` as JSON.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    /// How long one call may take. Default 10ms.
    pub(super) deadline: Option<Span>,
    /// How much memory one instance may have. Default 64MiB.
    pub(super) memory: Option<Size>,
    /// What becomes of an event that the plugin fails on.
    #[serde(default)]
    pub(super) on_failure: OnFailure,
}

/// What becomes of an event that a plugin fails on.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnFailure {
    /// To the dead-letter queue, with the reason and the plugin's digest.
    #[default]
    DeadLetter,
    /// On down the route, as if the plugin had no opinion.
    Next,
    /// Dropped, with the reason in the log.
    Drop,
    /// Refused with 503, so that the sender tries again.
    Reject,
}

/// A route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// Its name.
    pub(super) name: String,
    /// Which events it takes: a pattern by example. Without it: every event.
    pub(super) when: Option<When>,
    /// Takes the events that no other route took.
    #[serde(default)]
    pub(super) default: bool,
    /// The plugins to ask, in order.
    #[serde(default)]
    pub(super) filters: Vec<String>,
    /// The queues to place the event in.
    #[schemars(length(min = 1))]
    pub(super) to: Vec<String>,
}

/// A pattern by example: every key must match, and one of its list must match. A list holds values,
/// or `{ prefix: x }`, `{ suffix: x }`, `{ anything-but: [x] }`, `{ exists: true }`,
/// `{ numeric: [">=", 7] }`, `{ wildcard: "a*b" }`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    /// The names of sources.
    pub(super) source: Option<Vec<Value>>,
    /// The CloudEvents type.
    #[serde(rename = "type")]
    pub(super) kind: Option<Vec<Value>>,
    /// The CloudEvents subject.
    pub(super) subject: Option<Vec<Value>>,
    /// Extension attributes.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Vec<Value>>,
    /// Headers.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Vec<Value>>,
    /// Fields of a JSON payload, nested as the payload is.
    pub(super) payload: Option<Map<String, Value>>,
}

/// A durable queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Queue {
    /// How often and how patiently deliveries are tried.
    #[serde(default)]
    pub(super) retry: Retry,
    /// The queue for events that are given up. Default: `dead-letters`.
    pub(super) dead_letter: Option<String>,
    /// How long events stay in the log after they are settled. Default `0s`.
    pub(super) retain: Option<Span>,
    /// How much the queue may hold.
    #[serde(default)]
    pub(super) limits: QueueLimits,
}

/// How often and how patiently deliveries are tried.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    /// Attempts in all. Default 12.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) attempts: Option<u32>,
    /// The wait after the first failed attempt; it doubles from there. Default `1s`.
    pub(super) min: Option<Span>,
    /// No wait is longer. Default `1h`.
    pub(super) max: Option<Span>,
}

/// How much a queue may hold; beyond it senders get 503 with `Retry-After`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueLimits {
    /// Events not yet settled.
    #[schemars(range(min = 1))]
    pub(super) events: Option<u64>,
    /// Their bytes.
    pub(super) bytes: Option<Size>,
}

/// A way out that pushes: exactly one protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sink {
    /// The queue that it takes from.
    pub(super) from: String,
    /// HTTP POST, one event each, signed with Standard Webhooks.
    pub(super) http: Option<HttpSink>,
    /// How many events it takes at once.
    #[serde(default)]
    pub(super) batch: Batch,
    /// How many batches are under way at once. Default 4.
    #[schemars(range(min = 1, max = 256))]
    pub(super) concurrency: Option<usize>,
}

/// HTTP POST to one URL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSink {
    /// Where to: `https://...` or `http://...`.
    pub(super) url: String,
    /// Secrets by name, to sign with; several while a key is rotated. As Standard Webhooks has
    /// them: `whsec_` and base64.
    #[serde(default)]
    pub(super) sign: Vec<String>,
    /// Headers to add.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// How long one attempt may take. Default `15s`.
    pub(super) timeout: Option<Span>,
    /// Whether every private and loopback address may be called. Default: none.
    #[serde(default)]
    pub(super) allow_private: bool,
    /// Private networks that may be called, such as `10.0.0.0/8`.
    #[serde(default)]
    pub(super) allow_networks: Vec<String>,
    /// A PEM file of the certificate authorities to believe, relative to this file. Default: the
    /// web's.
    pub(super) ca_file: Option<String>,
}

/// How many events a sink takes at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Events. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) events: Option<usize>,
}

/// Bounds of the whole gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// Connections of senders. Default 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) connections: Option<usize>,
    /// Connections of one address. Default 1000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) connections_per_address: Option<usize>,
    /// Time to the first byte of a connection's first request. Default `5s`.
    pub(super) first_byte: Option<Span>,
    /// Time for the head of a request. Default `10s`.
    pub(super) head: Option<Span>,
    /// Time for a whole body. Default `60s`.
    pub(super) body: Option<Span>,
    /// Idle time of a connection that is kept alive. Default `75s`.
    pub(super) idle: Option<Span>,
    /// Threads that run filters. Default: one for each core.
    #[schemars(range(min = 1, max = 256))]
    pub(super) filter_threads: Option<usize>,
    /// Free disk space below which events are refused. Default `256MiB`.
    pub(super) free_disk_min: Option<Size>,
    /// How long requests in flight may take after a stop was asked for. Default `20s`.
    pub(super) drain: Option<Span>,
    /// How long, and how many, idempotency keys are remembered.
    #[serde(default)]
    pub(super) dedupe: DedupeLimits,
}

/// How long, and how many, idempotency keys are remembered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DedupeLimits {
    /// For so long. Default `3d`.
    pub(super) window: Option<Span>,
    /// At most so many. Default 1000000.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(super) keys: Option<usize>,
}

/// The JSON Schema (2020-12) of the configuration, as it is published.
#[must_use]
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>();
    schema.insert("$id".to_owned(), Value::String("sluicegate/config.schema.json".to_owned()));
    schema.to_value()
}
