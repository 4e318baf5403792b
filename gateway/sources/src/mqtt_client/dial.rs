//! Opens connections to a broker, with TLS or without.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::Broker;

/// A connection, whatever carries it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Whom the gateway believes, and what it shows.
#[derive(Clone)]
pub struct BrokerTls(TlsConnector);

/// Which certificate authorities are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's list, as compiled in.
    Web,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

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
    /// TLS 1.2 and 1.3; `identity` is the gateway's own certificate and key, in PEM.
    ///
    /// # Errors
    /// When one of them cannot be used. No key is repeated.
    pub fn new(roots: &Roots, identity: Option<(&[u8], &[u8])>) -> Result<Self, BrokerTlsFault> {
        let mut store = RootCertStore::empty();
        match roots {
            Roots::Web => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::Pem(text) => {
                for certificate in CertificateDer::pem_slice_iter(text) {
                    let certificate = certificate.map_err(|_| BrokerTlsFault::Roots)?;
                    store.add(certificate).map_err(|_| BrokerTlsFault::Roots)?;
                }
            }
        }
        if store.is_empty() {
            return Err(BrokerTlsFault::Roots);
        }
        // Named here: the process-wide default would depend on which crates are linked in.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| BrokerTlsFault::Tls)?
            .with_root_certificates(store);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
                let key = PrivateKeyDer::from_pem_slice(key);
                let (Ok(chain), Ok(key)) = (chain, key) else {
                    return Err(BrokerTlsFault::Identity);
                };
                builder.with_client_auth_cert(chain, key).map_err(|_| BrokerTlsFault::Identity)?
            }
        };
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
