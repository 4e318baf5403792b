//! What can be wrong with the configuration of an MQTT sink: said when it is built.

/// What is wrong with the configuration of an MQTT sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MqttSinkFault {
    /// A brace without its partner, or a place that there is not.
    #[error("topic {0:?} is not a template such as events/{{type}}/{{attributes.NAME}}")]
    Template(String),
    /// A wildcard or a control character in the words of the template.
    #[error("topic {0:?} has a wildcard or a control character")]
    Topic(String),
    /// 3.1.1 has no user properties.
    #[error("MQTT 3.1.1 has no user properties: cloudevents is structured or off, and no headers")]
    NoProperties,
    /// The authorities cannot be read.
    #[error("ca_file has no certificate in PEM")]
    Roots,
    /// The certificate or its key cannot be read, or they are not for one another.
    #[error("certificate and key are not fit for TLS")]
    Identity,
    /// The TLS library refused its own defaults.
    #[error("tls cannot be set up")]
    Tls,
}

impl MqttSinkFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Template(_) | Self::Topic(_) => "sink_topic_malformed",
            Self::NoProperties => "sink_no_properties",
            Self::Roots => "sink_roots_malformed",
            Self::Identity => "sink_identity_malformed",
            Self::Tls => "sink_tls",
        }
    }
}
