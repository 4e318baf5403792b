//! Opens connections to a broker: looks its name up, and speaks TLS if that is asked for.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::{BrokerAddress, MqttSinkConfig};
use super::fault::MqttSinkFault;
use crate::http::Roots;
use crate::tls::{self, TlsFault};

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
        let tls = roots.as_ref().map(|roots| connector(roots, identity.as_ref())).transpose()?;
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

fn connector(
    roots: &Roots,
    identity: Option<&(Vec<u8>, Vec<u8>)>,
) -> Result<TlsConnector, MqttSinkFault> {
    let builder = tls::believing(roots).map_err(|fault| match fault {
        TlsFault::Roots => MqttSinkFault::Roots,
        TlsFault::Library => MqttSinkFault::Tls,
    })?;
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
