//! The shape of MQTT brokers that are not ours: the way to one, what is taken from it, and what is
//! published there.

use schemars::JsonSchema;
use serde::Deserialize;

use super::broker::{BrokerTls, CloudEvents, MessageFormat};
use crate::config::scalars::{Size, Span};

/// An MQTT broker, and who the gateway is there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttBroker {
    /// Where it is: `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    #[schemars(regex(pattern = "^mqtts?://[^/@]+/?$"))]
    pub(in crate::config) url: String,
    /// What is spoken. Default `5`.
    #[serde(default)]
    pub(in crate::config) version: MqttVersion,
    /// The user name.
    pub(in crate::config) user: Option<String>,
    /// The password, as a secret by its name under `secrets`.
    pub(in crate::config) password_secret: Option<String>,
    /// TLS, where the web's authorities and no certificate of ours do not do.
    pub(in crate::config) tls: Option<BrokerTls>,
    /// How often something is said, at least. Default `30s`.
    pub(in crate::config) keep_alive: Option<Span>,
}

/// What is spoken with a broker.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::config) enum MqttVersion {
    /// MQTT 3.1.1, which has no properties.
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    V5,
}

/// Messages of a broker, acknowledged there when they are durable here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttClient {
    /// The broker.
    pub(in crate::config) broker: MqttBroker,
    /// What is subscribed to.
    #[schemars(length(min = 1))]
    pub(in crate::config) topics: Vec<ClientTopic>,
    /// The client id; the broker keeps the session under it, so that no other client may have it.
    /// Default: `sluicegate-` and the name of the source.
    pub(in crate::config) client_id: Option<String>,
    /// How long the broker keeps the session without the gateway; `0s`: not at all. Default `1d`.
    pub(in crate::config) session_expiry: Option<Span>,
    /// Messages that may be on their way through the line. Default 64.
    #[schemars(range(min = 1, max = 65_535))]
    pub(in crate::config) receive_max: Option<u16>,
    /// The largest payload taken; at most 16 MiB. Default 1 MiB.
    pub(in crate::config) payload_max: Option<Size>,
    /// The user property whose value makes two messages the same. Default: each message counts.
    pub(in crate::config) dedupe_property: Option<String>,
    /// What a message holds.
    #[serde(default)]
    pub(in crate::config) format: MessageFormat,
}

/// A filter of topics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ClientTopic {
    /// The filter: `meters/+/reading`, `$share/gateways/alarms/#`.
    pub(in crate::config) filter: String,
    /// With which QoS. Default 1.
    #[schemars(range(min = 0, max = 2))]
    pub(in crate::config) qos: Option<u8>,
}

/// One message per event to a broker.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttSink {
    /// The broker.
    pub(in crate::config) broker: MqttBroker,
    /// The client id. Default: the broker gives one.
    #[serde(default)]
    pub(in crate::config) client_id: String,
    /// The topic, with places for what events say: `{type}`, `{source}`, `{subject}`, `{id}`,
    /// `{attributes.NAME}`, `{headers.NAME}`. A `/` in what an event says becomes `%2F`, except in
    /// `{attributes.mqtttopic}`.
    pub(in crate::config) topic: String,
    /// With which QoS. Default 1.
    #[schemars(range(min = 0, max = 2))]
    pub(in crate::config) qos: Option<u8>,
    /// Whether the broker keeps the last message of each topic.
    #[serde(default)]
    pub(in crate::config) retain: bool,
    /// How attributes go out. Default `binary` with MQTT 5, `off` with 3.1.1.
    pub(in crate::config) cloudevents: Option<CloudEvents>,
    /// Whether the headers that an event came with go out as user properties. Default: no; those of
    /// W3C's trace context always do with MQTT 5.
    #[serde(default)]
    pub(in crate::config) forward_headers: bool,
    /// How long one attempt may take. Default `15s`.
    pub(in crate::config) timeout: Option<Span>,
}
