//! Opens connections to a broker, with TLS or without.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::Broker;
use crate::tls::{self, TlsFault};

/// A connection, whatever carries it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Whom the gateway believes, and what it shows.
#[derive(Clone)]
pub struct BrokerTls(TlsConnector);

/// Why there can be no TLS to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokerTlsFault {
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

impl std::fmt::Debug for BrokerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrokerTls")
    }
}

impl BrokerTls {
    /// TLS 1.2 and 1.3. `roots` are the authorities to believe, and no others; otherwise those of
    /// Mozilla's list, as compiled in. `identity` is the gateway's own certificate and key. All is
    /// PEM.
    ///
    /// # Errors
    /// When one of them cannot be used. No key is repeated.
    pub fn new(
        roots: Option<&[u8]>,
        identity: Option<(&[u8], &[u8])>,
    ) -> Result<Self, BrokerTlsFault> {
        let config = tls::client_config(roots, identity).map_err(|fault| match fault {
            TlsFault::Roots => BrokerTlsFault::Roots,
            TlsFault::Identity => BrokerTlsFault::Identity,
            TlsFault::Library => BrokerTlsFault::Tls,
        })?;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// Opens a connection.
pub(crate) async fn dial(broker: &Broker) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
    // Packets are written whole: waiting for more to send would only delay them.
    stream.set_nodelay(true)?;
    let Some(BrokerTls(connector)) = &broker.tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(broker.host.clone()).map_err(io::Error::other)?;
    Ok(Box::new(connector.connect(name, stream).await?))
}
