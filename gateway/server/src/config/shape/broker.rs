//! The shapes that brokers have in common, whichever protocol they speak.

use schemars::JsonSchema;
use serde::Deserialize;

/// TLS to a broker.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct BrokerTls {
    /// A PEM file of the certificate authorities to believe, relative to this file. Default: the
    /// web's.
    pub(in crate::config) ca_file: Option<String>,
    /// A PEM file of the gateway's certificate, with those above it.
    pub(in crate::config) cert_file: Option<String>,
    /// The secret that is the key of that certificate, as PEM.
    pub(in crate::config) key_secret: Option<String>,
}

/// What a message holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum MessageFormat {
    /// One event: the payload is its payload.
    #[default]
    Message,
    /// CloudEvents 1.0: binary (attributes in user properties of MQTT 5, or in headers
    /// `cloudEvents:NAME` or `cloudEvents_NAME` of AMQP), structured, or batches. They are known
    /// again by their source and id.
    Cloudevents,
}

/// How the attributes of an event go out.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum CloudEvents {
    /// As headers or user properties; the payload is that of the event.
    Binary,
    /// The payload is a CloudEvent in JSON, with the event's payload in it.
    Structured,
    /// Not at all.
    Off,
}
