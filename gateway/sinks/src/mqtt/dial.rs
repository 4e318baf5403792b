//! Opens connections to a broker: looks its name up, and speaks TLS if that is asked for.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::{BrokerAddress, MqttSinkConfig};
use super::fault::MqttSinkFault;
use crate::http::Roots;

/// A connection, whatever carries it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The way to a broker.
#[derive(Clone)]
pub(crate) struct Dial {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Dial {
    /// The way that this configuration says.
    pub(crate) fn new(config: &MqttSinkConfig) -> Result<Self, MqttSinkFault> {
        let BrokerAddress { host, port, roots, identity } = &config.broker;
        let tls = roots.as_ref().map(|roots| tls(roots, identity.as_ref())).transpose()?;
        Ok(Self { host: host.clone(), port: *port, tls })
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(connector) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

fn tls(
    roots: &Roots,
    identity: Option<&(Vec<u8>, Vec<u8>)>,
) -> Result<TlsConnector, MqttSinkFault> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Web => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Pem(text) => {
            for certificate in CertificateDer::pem_slice_iter(text) {
                let certificate = certificate.map_err(|_| MqttSinkFault::Roots)?;
                store.add(certificate).map_err(|_| MqttSinkFault::Roots)?;
            }
        }
    }
    if store.is_empty() {
        return Err(MqttSinkFault::Roots);
    }
    // Named here: the process-wide default would depend on which crates are linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| MqttSinkFault::Tls)?
        .with_root_certificates(store);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
            let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(key)) else {
                return Err(MqttSinkFault::Identity);
            };
            builder.with_client_auth_cert(chain, key).map_err(|_| MqttSinkFault::Identity)?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}
