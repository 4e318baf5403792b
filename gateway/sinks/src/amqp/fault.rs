//! What can be wrong with the configuration of an AMQP sink.

/// What is wrong with the configuration of an AMQP sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmqpSinkFault {
    /// A template that is not closed, or has a place that no event has.
    #[error(
        "{template:?}: a place is {{id}}, {{type}}, {{source}}, {{subject}}, {{attributes.NAME}} \
         or {{headers.NAME}}"
    )]
    TemplateMalformed {
        /// The template.
        template: String,
    },
    /// A name or text that is longer than AMQP has room for.
    #[error("{what} is longer than 255 bytes")]
    TooLong {
        /// What is too long.
        what: String,
    },
    /// A header that the sink or the broker gives a meaning to.
    #[error("header {0:?} is set by the sink, or read by the broker")]
    HeaderReserved(String),
}

impl AmqpSinkFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TemplateMalformed { .. } => "sink_template_malformed",
            Self::TooLong { .. } => "sink_name_too_long",
            Self::HeaderReserved(_) => "sink_header_reserved",
        }
    }
}
