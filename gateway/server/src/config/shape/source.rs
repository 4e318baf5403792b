//! The shape of a source: its protocol, its schema, its rate, its facts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::amqp::AmqpSource;
use super::broker::MessageFormat;
use super::mqtt_client::MqttClient;
use super::refused::Refused;
use super::verify::Verify;
use crate::config::scalars::{Size, Span};

/// A source: exactly one protocol, how to verify, and what to hold payloads against.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Source {
    /// Webhooks over HTTP.
    pub(in crate::config) http: Option<HttpSource>,
    /// What clients publish to topics of the MQTT listener (`listen.mqtt`).
    pub(in crate::config) mqtt: Option<MqttSource>,
    /// Messages of an MQTT broker that is not ours.
    pub(in crate::config) mqtt_client: Option<MqttClient>,
    /// Messages from the queues of a broker (AMQP 0-9-1).
    pub(in crate::config) amqp: Option<AmqpSource>,
    /// How senders prove themselves; `{ scheme: none }` says openly that they do not.
    pub(in crate::config) verify: Verify,
    /// What payloads are held against.
    pub(in crate::config) schema: Option<SchemaRule>,
    /// How fast senders may be, and how much of them may lie in the queues.
    #[serde(default)]
    pub(in crate::config) limits: SourceLimits,
    /// How long the sender waits for an answer; what is answered later is counted and said.
    /// Default: what the scheme's provider says, where it says so.
    pub(in crate::config) answer_within: Option<Span>,
    /// Where to find the facts of an event, where the scheme's own places do not fit.
    #[serde(default)]
    pub(in crate::config) event: EventFacts,
    /// How much is kept of what is refused, to be judged again once a secret or a schema is mended.
    #[serde(default)]
    pub(in crate::config) refused: Refused,
}

/// Webhooks on one path.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct HttpSource {
    /// The path, exactly: `/hooks/github`.
    #[schemars(regex(pattern = "^/[!\"$->@-~]*$"))]
    pub(in crate::config) path: String,
    /// What a delivery holds. Default: `webhook`; for the scheme `cloudevents`, `cloudevents`.
    pub(in crate::config) format: Option<Format>,
    /// The largest payload taken; at most 16 MiB. Default 1 MiB.
    pub(in crate::config) payload_max: Option<Size>,
    /// Whether bodies may come packed (`content-encoding: gzip`). Signatures are verified over the
    /// bytes as they came; the event has what was packed, which is at most `payload_max`. Default:
    /// where the provider packs (`nylas`).
    pub(in crate::config) gzip: Option<bool>,
    /// The media types taken, such as `application/json`; empty: any.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^[^; ]+/[^; ]+$")))]
    pub(in crate::config) media_types: Vec<String>,
}

/// What clients publish to topics. Where several sources take a topic, the filter that says more
/// counts: a word before `+`, `+` before `#`, level by level.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttSource {
    /// The topics, as filters: `meters/+/reading`, `alarms/#`.
    #[schemars(length(min = 1))]
    pub(in crate::config) topics: Vec<String>,
    /// The largest payload taken; at most 16 MiB. Default 1 MiB.
    pub(in crate::config) payload_max: Option<Size>,
    /// The user property whose value makes two messages of one client the same: the second one is
    /// answered like the first, and not stored again. Default: each message counts.
    pub(in crate::config) dedupe_property: Option<String>,
    /// What a message holds.
    #[serde(default)]
    pub(in crate::config) format: MessageFormat,
}

/// What a delivery holds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Format {
    /// One event: the body is its payload.
    Webhook,
    /// CloudEvents 1.0: binary, structured, or batches, which are taken as a whole or not at all.
    Cloudevents,
}

/// What payloads are held against.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SchemaRule {
    /// The subject of the schema; `{type}` stands for the event's type. `{dataschema}` alone: the
    /// schema that a CloudEvent names itself.
    pub(in crate::config) subject: String,
    /// What to do if no schema has that subject.
    #[serde(default)]
    pub(in crate::config) on_unknown: OnUnknown,
    /// What to do if the payload breaks the schema.
    #[serde(default)]
    pub(in crate::config) on_violation: OnViolation,
}

/// What to do if no schema has the subject.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum OnUnknown {
    /// Take the event unjudged.
    Accept,
    /// Refuse it with 422.
    #[default]
    Reject,
}

/// What to do if the payload breaks the schema.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum OnViolation {
    /// Refuse it with 422.
    #[default]
    Reject,
    /// Take it into the dead-letter queue.
    DeadLetter,
    /// Take it, with the attribute `sgviolations`.
    Tag,
}

/// How fast the senders of a source may be, and how much of it may lie in the queues.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SourceLimits {
    /// Events per second, over time; beyond it the answer is 429.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) events_per_second: Option<u32>,
    /// Events at once. Default: one second's worth.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) burst: Option<u32>,
    /// Its events that lie in all queues, counted once for each queue; beyond it the answer is 429.
    #[schemars(range(min = 1))]
    pub(in crate::config) events: Option<u64>,
    /// Their bytes.
    pub(in crate::config) bytes: Option<Size>,
}

/// Where to find the facts of an event: each a list of `header:NAME`, `pointer:/json/pointer` or
/// `form:FIELD`, of which the first that is there counts. `*` in a pointer stands for every item of
/// an array, all of them together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EventFacts {
    /// The CloudEvents type; `webhook` if it is nowhere.
    #[serde(rename = "type")]
    pub(in crate::config) kind: Option<Vec<String>>,
    /// The CloudEvents subject.
    pub(in crate::config) subject: Option<Vec<String>>,
    /// When it happened: RFC 3339, or seconds or milliseconds since 1970.
    pub(in crate::config) time: Option<Vec<String>>,
    /// The idempotency key: a repeated delivery gets the first receipt again. An empty list turns
    /// that off.
    pub(in crate::config) dedupe: Option<Vec<String>>,
}
