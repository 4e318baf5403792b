//! Where a broker is and how we prove ourselves to it. Nothing here connects, and no text of a
//! fault holds any of the address: it may carry a password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri, SASLMechanism};
use rustls::ClientConfig;

use crate::amqp::guard::FRAME_MAX;
use crate::tls::{self, TlsFault};

/// A broker, ready to be dialled.
#[derive(Clone)]
pub struct Server {
    pub(super) uri: AMQPUri,
    /// `None` for `amqp://`.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) timeout: Duration,
}

/// How we prove ourselves to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Login {
    /// With the name and password of the address (SASL PLAIN).
    #[default]
    Plain,
    /// With the certificate of the connection (SASL EXTERNAL).
    External,
}

/// What TLS is made of. Nothing set: the web's authorities, and no certificate of ours.
#[derive(Clone, Default)]
pub struct Tls {
    /// PEM of the authorities to believe, and no others.
    pub roots: Option<Vec<u8>>,
    /// PEM of our certificate with those above it, and of its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is wrong with the description of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerFault {
    /// Not an address of AMQP.
    #[error("uri is malformed: amqp://user:password@host:port/vhost, or amqps://...")]
    UriMalformed,
    /// TLS is described for a connection that has none.
    #[error("tls is set, but the uri starts with amqp://")]
    TlsUnused,
    /// EXTERNAL is the name of a certificate.
    #[error("external needs amqps:// and a certificate of our own")]
    ExternalWithoutCertificate,
    /// The PEM text holds no authority, or a broken one.
    #[error("certificate authorities cannot be read")]
    RootsMalformed,
    /// The PEM text holds no certificate or no key, or they do not belong together.
    #[error("certificate or key cannot be read, or they do not belong together")]
    IdentityMalformed,
    /// The TLS library refused its own defaults.
    #[error("tls cannot be set up")]
    Tls,
}

impl ServerFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UriMalformed => "amqp_uri_malformed",
            Self::TlsUnused | Self::Tls => "amqp_tls_invalid",
            Self::ExternalWithoutCertificate => "amqp_login_invalid",
            Self::RootsMalformed | Self::IdentityMalformed => "amqp_certificate_invalid",
        }
    }
}

impl Server {
    /// A broker at this address. Connects to nothing.
    ///
    /// # Errors
    /// When the parts do not make a connection.
    pub fn new(uri: &str, login: Login, tls: Option<&Tls>) -> Result<Self, ServerFault> {
        let mut uri = read_uri(uri)?;
        let secure = uri.scheme == AMQPScheme::AMQPS;
        let external =
            login == Login::External || uri.query.auth_mechanism == Some(SASLMechanism::External);
        let has_identity = tls.is_some_and(|tls| tls.identity.is_some());
        if tls.is_some() && !secure {
            return Err(ServerFault::TlsUnused);
        }
        if external && !(secure && has_identity) {
            return Err(ServerFault::ExternalWithoutCertificate);
        }
        uri.query.auth_mechanism =
            Some(if external { SASLMechanism::External } else { SASLMechanism::Plain });
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        // Without it, lapin agrees to whatever the broker proposes, and to 4 GiB if that is 0.
        let asked = uri.query.frame_max.filter(|asked| *asked != 0).unwrap_or(FRAME_MAX);
        uri.query.frame_max = Some(asked.min(FRAME_MAX));
        let timeout = uri.query.connection_timeout.map_or(TIMEOUT, Duration::from_millis);
        let config = || client_config(tls).map(Arc::new);
        let tls = secure.then(config).transpose()?;
        Ok(Self { uri, tls, timeout: timeout.min(TIMEOUT_MAX) })
    }

    /// Host and port, for people.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.uri.authority.host, self.uri.authority.port)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn read_uri(text: &str) -> Result<AMQPUri, ServerFault> {
    let text = text.trim();
    let mut uri: AMQPUri = text.parse().map_err(|_| ServerFault::UriMalformed)?;
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // lapin takes an address of version 6 for none, and goes to `localhost`.
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let address: std::net::Ipv6Addr = address.parse().map_err(|_| ServerFault::UriMalformed)?;
        uri.authority.host = address.to_string();
    } else if host.is_empty() || host.starts_with(':') {
        return Err(ServerFault::UriMalformed);
    }
    Ok(uri)
}

fn client_config(tls: Option<&Tls>) -> Result<ClientConfig, ServerFault> {
    let roots = tls.and_then(|tls| tls.roots.as_deref());
    let identity = tls.and_then(|tls| tls.identity.as_ref());
    let identity = identity.map(|(chain, key)| (&**chain, &**key));
    tls::client_config(roots, identity).map_err(|fault| match fault {
        TlsFault::Roots => ServerFault::RootsMalformed,
        TlsFault::Identity => ServerFault::IdentityMalformed,
        TlsFault::Library => ServerFault::Tls,
    })
}

/// What we propose; the broker may want less. Without any, a dead peer is found by TCP alone.
const HEARTBEAT_SECONDS: u16 = 20;

/// For the look-up of the name, the connection, TLS and the handshake of AMQP together.
const TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn server(uri: &str) -> Result<Server, ServerFault> {
        Server::new(uri, Login::Plain, None)
    }

    #[test]
    fn addresses_are_read_with_names_numbers_and_what_is_left_out() {
        for (uri, place) in [
            ("amqp://localhost", "localhost:5672"),
            ("amqps://broker.example.com/orders", "broker.example.com:5671"),
            ("amqp://u:p%40@10.0.0.1:5673/%2f\n", "10.0.0.1:5673"),
            ("amqp://u:p@[::1]:5673/", "::1:5673"),
        ] {
            assert_eq!(server(uri).unwrap().place(), place, "{uri}");
        }
        let one = server("amqp://me:p%40ss@h/v%2fh").unwrap().uri;
        assert_eq!((one.authority.userinfo.password.as_str(), one.vhost.as_str()), ("p@ss", "v/h"));
    }

    #[test]
    fn frames_are_bounded_whatever_the_address_says() {
        for (query, frame_max) in
            [("", FRAME_MAX), ("?frame_max=0", FRAME_MAX), ("?frame_max=9999999", FRAME_MAX)]
        {
            let one = server(&format!("amqp://h/v{query}")).unwrap();
            assert_eq!(one.uri.query.frame_max, Some(frame_max), "{query}");
        }
        let less = server("amqp://h/v?frame_max=8192").unwrap();
        assert_eq!(less.uri.query.frame_max, Some(8192));
    }

    #[test]
    fn what_is_no_address_is_said_without_a_word_of_it() {
        for uri in ["", "localhost", "http://h", "amqp://", "amqp://:5672", "amqp://secret@[x]"] {
            let fault = server(uri).unwrap_err();
            assert_eq!(fault.code(), "amqp_uri_malformed", "{uri}");
            assert!(!fault.to_string().contains("secret"));
        }
        let shown = format!("{:?}", server("amqp://u:secret@h").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn tls_and_logins_must_fit_the_address() {
        let tls = Tls::default();
        let code = |uri, login, tls| Server::new(uri, login, tls).unwrap_err().code();
        assert_eq!(code("amqp://h", Login::Plain, Some(&tls)), "amqp_tls_invalid");
        assert_eq!(code("amqps://h", Login::External, Some(&tls)), "amqp_login_invalid");
        let roots = Some(b"no certificate".to_vec());
        let broken = Tls { roots, identity: None };
        assert_eq!(code("amqps://h", Login::Plain, Some(&broken)), "amqp_certificate_invalid");
        let identity = Some((b"none".to_vec(), b"none".to_vec()));
        let broken = Tls { roots: None, identity };
        assert_eq!(code("amqps://h", Login::External, Some(&broken)), "amqp_certificate_invalid");
    }
}
