//! What an HTTP sink is made of, and what is wrong with it: said when it is built, not when the
//! first event is lost on it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use sluicegate_core::time::Clock;

use super::address::{Network, is_public};

/// Signs: HMAC-SHA256 over the parts, one after the other, under a key that stays with the maker.
pub type Signer = Arc<dyn Fn(&[&[u8]]) -> [u8; 32] + Send + Sync>;

/// What an HTTP sink is made of.
#[derive(Clone)]
pub struct HttpSinkConfig {
    /// Where to: `http` or `https`, without a user.
    pub url: String,
    /// Header fields for every request, such as `authorization`.
    pub headers: Vec<(String, String)>,
    /// One for each live secret: several while a secret is being replaced. Empty: not signed.
    pub signers: Vec<Signer>,
    /// For one attempt, from the look-up of the name to the status.
    pub timeout: Duration,
    /// Which addresses outside the open internet may be connected to.
    pub allow_private: AllowPrivate,
    /// Who vouches for the receiver.
    pub roots: Roots,
    /// Says what time is signed.
    pub clock: Clock,
}

impl HttpSinkConfig {
    /// A sink to this place: not signed, 15 seconds, open internet only, the web's roots.
    #[must_use]
    pub fn new(url: impl Into<String>, clock: Clock) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            signers: Vec::new(),
            timeout: Duration::from_secs(15),
            allow_private: AllowPrivate::Nothing,
            roots: Roots::Web,
            clock,
        }
    }
}

/// Which addresses outside the open internet a sink may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowPrivate {
    /// None.
    Nothing,
    /// Those in these networks.
    Networks(Vec<Network>),
    /// All. The well-known ports of other protocols are allowed too.
    Everything,
}

impl AllowPrivate {
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        is_public(address)
            || match self {
                Self::Nothing => false,
                Self::Networks(networks) => networks.iter().any(|n| n.contains(address)),
                Self::Everything => true,
            }
    }
}

/// Which certificate authorities are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's list, as compiled in: the same on every machine, with or without a system store.
    Web,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

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

/// The URL, if the sink may post to it. A name is looked up, and judged, at each connection.
pub(crate) fn read_url(text: &str, allow: &AllowPrivate) -> Result<Uri, SinkFault> {
    let url: Uri = text.parse().map_err(|_| SinkFault::UrlMalformed)?;
    let port_default = match url.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) => return Err(SinkFault::UrlScheme),
        None => return Err(SinkFault::UrlMalformed),
    };
    let authority = url.authority().ok_or(SinkFault::UrlMalformed)?;
    if authority.as_str().contains('@') {
        return Err(SinkFault::UrlUser);
    }
    let host = authority.host();
    if host.is_empty() {
        return Err(SinkFault::UrlMalformed);
    }
    let port = authority.port_u16().unwrap_or(port_default);
    if *allow != AllowPrivate::Everything && PORTS_REFUSED.contains(&port) {
        return Err(SinkFault::PortRefused(port));
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
    match literal {
        Ok(address) if !allow.allows(address) => Err(SinkFault::AddressPrivate(address)),
        _ => Ok(url),
    }
}

/// The configured header fields, with the sink's own name before them.
pub(crate) fn read_headers(pairs: &[(String, String)]) -> Result<HeaderMap, SinkFault> {
    let mut headers = HeaderMap::new();
    let agent = HeaderValue::from_static(concat!("sluicegate/", env!("CARGO_PKG_VERSION")));
    headers.insert(hyper::header::USER_AGENT, agent);
    for (name, value) in pairs {
        let malformed = || SinkFault::HeaderMalformed(name.clone());
        let field: HeaderName = name.parse().map_err(|_| malformed())?;
        let text = field.as_str();
        if RESERVED.contains(&text) || text.starts_with("ce-") || text.starts_with("webhook-") {
            return Err(SinkFault::HeaderReserved(name.clone()));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| malformed())?;
        // It may be a credential: kept out of logs and out of HTTP/2's shared table.
        value.set_sensitive(true);
        headers.insert(field, value);
    }
    Ok(headers)
}

impl fmt::Debug for HttpSinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpSinkConfig")
            .field("url", &self.url)
            .field("headers", &names)
            .field("signers", &self.signers.len())
            .field("timeout", &self.timeout)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Ports of protocols that would take a line of an HTTP request for a command of their own.
const PORTS_REFUSED: [u16; 16] =
    [21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 2375, 3306, 5432, 6379, 11211, 27017];

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str, allow: &AllowPrivate) -> Result<(), &'static str> {
        read_url(url, allow).map(drop).map_err(|fault| fault.code())
    }

    #[test]
    fn urls_that_lead_elsewhere_are_refused_when_the_sink_is_built() {
        let table = [
            ("https://example.com/a?b", Ok(())),
            ("http://1.1.1.1:8080/", Ok(())),
            ("https://[2606:4700:4700::1111]/", Ok(())),
            ("", Err("sink_url_malformed")),
            ("/path", Err("sink_url_malformed")),
            ("example.com", Err("sink_url_malformed")),
            ("https://", Err("sink_url_malformed")),
            ("https:///a", Err("sink_url_malformed")),
            ("file:///etc/passwd", Err("sink_url_malformed")),
            ("ftp://example.com/", Err("sink_url_scheme")),
            ("unix://a/b", Err("sink_url_scheme")),
            ("https://u:p@example.com/", Err("sink_url_user")),
            ("https://example.com@127.0.0.1/", Err("sink_url_user")),
            ("http://127.0.0.1/", Err("sink_address_private")),
            ("http://169.254.169.254/latest/meta-data", Err("sink_address_private")),
            ("http://[::1]/", Err("sink_address_private")),
            ("http://[::ffff:127.0.0.1]/", Err("sink_address_private")),
            ("http://[64:ff9b::7f00:1]/", Err("sink_address_private")),
            ("http://example.com:6379/", Err("sink_port_refused")),
            ("http://example.com:25/", Err("sink_port_refused")),
        ];
        for (url, expected) in table {
            assert_eq!(code(url, &AllowPrivate::Nothing), expected, "{url}");
        }
    }

    #[test]
    fn private_addresses_are_allowed_by_network_or_all() {
        let some = AllowPrivate::Networks(vec!["10.1.0.0/16".parse().unwrap()]);
        assert_eq!(code("http://10.1.2.3/", &some), Ok(()));
        assert_eq!(code("http://10.2.2.3/", &some), Err("sink_address_private"));
        assert_eq!(code("http://10.1.2.3:22/", &some), Err("sink_port_refused"));
        assert_eq!(code("http://[::1]:6379/", &AllowPrivate::Everything), Ok(()));
    }

    #[test]
    fn headers_that_the_sink_sets_cannot_be_configured() {
        let code = |name: &str, value: &str| {
            read_headers(&[(name.into(), value.into())]).map(drop).map_err(|f| f.code())
        };
        assert_eq!(code("Authorization", "Bearer x"), Ok(()));
        for name in ["Host", "content-length", "CE-id", "webhook-signature", "Transfer-Encoding"] {
            assert_eq!(code(name, "x"), Err("sink_header_reserved"), "{name}");
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z"), ("a", "\0")] {
            assert_eq!(code(name, value), Err("sink_header_malformed"), "{name:?}");
        }
    }

    #[test]
    fn a_config_never_shows_its_header_values() {
        let mut config = HttpSinkConfig::new("https://x/", Clock::new(Default::default));
        config.headers.push(("authorization".into(), "Bearer secret".into()));
        assert!(!format!("{config:?}").contains("secret"));
    }
}
