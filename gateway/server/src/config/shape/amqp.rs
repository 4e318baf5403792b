//! The shape of AMQP sources and sinks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::broker::{BrokerTls, CloudEvents, MessageFormat};
use crate::config::scalars::{Size, Span};

/// Messages consumed from the queues of a broker (AMQP 0-9-1, such as RabbitMQ). Each is
/// acknowledged once it is durable here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AmqpSource {
    /// The broker: `amqps://host/vhost`, without a password.
    pub(in crate::config) uri: Option<String>,
    /// In place of `uri`: the secret that is the whole address, such as
    /// `amqps://user:password@host/vhost`.
    pub(in crate::config) uri_secret: Option<String>,
    /// How the gateway proves itself. Default `plain`.
    #[serde(default)]
    pub(in crate::config) login: Login,
    /// TLS, where the web's authorities and no certificate of ours do not do.
    pub(in crate::config) tls: Option<BrokerTls>,
    /// The queue to consume from.
    pub(in crate::config) queue: Option<String>,
    /// Or several.
    #[serde(default)]
    pub(in crate::config) queues: Vec<String>,
    /// Messages of one queue that are on their way at once. Default 256.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) prefetch: Option<u16>,
    /// The largest payload taken; at most 16 MiB. Default 1 MiB.
    pub(in crate::config) payload_max: Option<Size>,
    /// What a message holds.
    #[serde(default)]
    pub(in crate::config) format: MessageFormat,
    /// What a repetition is known by. Default `off`: by what `event.dedupe` says, if anything.
    #[serde(default)]
    pub(in crate::config) dedupe: AmqpDedupe,
    /// Declares the queues, durable, instead of only looking whether they are there.
    pub(in crate::config) declare: Option<Declare>,
    /// Publishes refused messages again there, with the reason in their headers. Without it they
    /// are rejected, and go where the queue's dead-letter exchange says; without that, nowhere. It
    /// must not lead into one of the queues that are consumed.
    pub(in crate::config) on_reject: Option<AmqpAddress>,
}

/// How the gateway proves itself to a broker.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Login {
    /// With the name and password of the address.
    #[default]
    Plain,
    /// With the certificate under `tls` (SASL EXTERNAL).
    External,
}

/// What a repetition is known by.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AmqpDedupe {
    /// By what `event.dedupe` says, if anything.
    #[default]
    Off,
    /// By the queue and the message's property `message_id`. Not for CloudEvents: they are known by
    /// their source and id.
    MessageId,
}

/// How queues are declared. Changing what is declared already is for the broker's tools.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Declare {
    /// The kind of queue. Default `quorum`.
    #[serde(default, rename = "type")]
    pub(in crate::config) kind: QueueType,
    /// The exchange that the broker puts rejected messages into.
    pub(in crate::config) dead_letter_exchange: Option<String>,
    /// How often a quorum queue hands a message out before it drops or dead-letters it; -1
    /// (RabbitMQ 4): as often as it takes. Default: what the broker has, 20 with RabbitMQ 4.
    #[schemars(range(min = -1))]
    pub(in crate::config) delivery_limit: Option<i32>,
    /// Where messages come from.
    #[serde(default)]
    pub(in crate::config) bindings: Vec<Bind>,
}

/// A kind of queue.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum QueueType {
    /// Replicated, and flushed before a publisher hears of it.
    #[default]
    Quorum,
    /// On one node.
    Classic,
}

/// A binding to an exchange.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Bind {
    /// The exchange.
    pub(in crate::config) exchange: String,
    /// The routing key or pattern.
    #[serde(default)]
    pub(in crate::config) key: String,
    /// The kind of the exchange, to declare it too, durable: `topic`, `direct`, `fanout`,
    /// `headers`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]*$"))]
    pub(in crate::config) declare: Option<String>,
}

/// An exchange and a routing key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AmqpAddress {
    /// The exchange; empty: the default one, whose keys are names of queues.
    #[serde(default)]
    pub(in crate::config) exchange: String,
    /// The routing key.
    #[serde(default)]
    pub(in crate::config) routing_key: String,
}

/// Messages to an exchange of a broker (AMQP 0-9-1, such as RabbitMQ), confirmed by it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AmqpSink {
    /// The broker: `amqps://host/vhost`, without a password.
    pub(in crate::config) uri: Option<String>,
    /// In place of `uri`: the secret that is the whole address, such as
    /// `amqps://user:password@host/vhost`.
    pub(in crate::config) uri_secret: Option<String>,
    /// How the gateway proves itself. Default `plain`.
    #[serde(default)]
    pub(in crate::config) login: Login,
    /// TLS, where the web's authorities and no certificate of ours do not do.
    pub(in crate::config) tls: Option<BrokerTls>,
    /// The exchange, with places for what events say: `{type}`, `{source}`, `{subject}`, `{id}`,
    /// `{attributes.NAME}`, `{headers.NAME}`. Default: the default exchange.
    #[serde(default)]
    pub(in crate::config) exchange: String,
    /// The routing key, with places as above: `orders.{type}`.
    pub(in crate::config) routing_key: String,
    /// Whether the broker writes messages to disk. Default: yes.
    pub(in crate::config) persistent: Option<bool>,
    /// Whether a message that no queue is bound for comes back. Default: yes. Without it, the
    /// broker drops it and says that all is well.
    pub(in crate::config) mandatory: Option<bool>,
    /// What becomes of an event whose message came back. Default `retry`.
    #[serde(default)]
    pub(in crate::config) on_unroutable: OnUnroutable,
    /// How attributes go out. Default `binary`.
    pub(in crate::config) cloudevents: Option<CloudEvents>,
    /// Headers to add.
    #[serde(default)]
    pub(in crate::config) headers: BTreeMap<String, String>,
    /// Whether the headers that an event came with go out too. Default: no; those of W3C's trace
    /// context always do.
    #[serde(default)]
    pub(in crate::config) forward_headers: bool,
    /// How long one attempt may take. Default `15s`.
    pub(in crate::config) timeout: Option<Span>,
}

/// What becomes of an event that no queue is bound for.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum OnUnroutable {
    /// It is tried again, as often as its queue says.
    #[default]
    Retry,
    /// It goes to the dead-letter queue.
    DeadLetter,
}
