//! What can be wrong with the configuration of an HTTP sink: said when it is built, not when the
//! first event is lost on it.

use std::net::IpAddr;

/// What is wrong with the configuration of an HTTP sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkFault {
    /// Not an absolute URL.
    #[error("url is malformed")]
    UrlMalformed,
    /// Neither `http` nor `https`.
    #[error("url must start with http:// or https://")]
    UrlScheme,
    /// A user or password in the URL: it would be logged.
    #[error("url must not carry a user or password; use a header")]
    UrlUser,
    /// An address that is not of the open internet.
    #[error("address {0} is not public, and allow_private does not name it")]
    AddressPrivate(IpAddr),
    /// The well-known port of another protocol.
    #[error("port {0} belongs to another protocol")]
    PortRefused(u16),
    /// Not a header name and value.
    #[error("header {0:?} is malformed")]
    HeaderMalformed(String),
    /// A header that the sink sets by itself.
    #[error("header {0:?} is set by the sink")]
    HeaderReserved(String),
    /// The PEM text holds no certificate, or a broken one.
    #[error("roots hold no readable certificate")]
    RootsMalformed,
    /// The TLS library refused its own defaults.
    #[error("tls cannot be set up")]
    Tls,
}

impl SinkFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UrlMalformed => "sink_url_malformed",
            Self::UrlScheme => "sink_url_scheme",
            Self::UrlUser => "sink_url_user",
            Self::AddressPrivate(_) => "sink_address_private",
            Self::PortRefused(_) => "sink_port_refused",
            Self::HeaderMalformed(_) => "sink_header_malformed",
            Self::HeaderReserved(_) => "sink_header_reserved",
            Self::RootsMalformed => "sink_roots_malformed",
            Self::Tls => "sink_tls",
        }
    }
}
