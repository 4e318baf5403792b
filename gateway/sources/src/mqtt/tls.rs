//! TLS of the listener: the gateway's certificate, and whose certificates clients must have.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tls::{certificates, root_store};

/// What the listener shows, and what it asks for.
#[derive(Clone)]
pub struct MqttTls {
    pub(super) acceptor: TlsAcceptor,
    identity: Identity,
}

/// What the certificate of a client says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// That it may talk. Who it is, it says in its CONNECT.
    Nothing,
    /// Its common name is its user name, and no password is asked for.
    CommonName,
}

/// Why there can be no TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificates cannot be read.
    #[error("certificate is not one in PEM")]
    Certificate,
    /// The key cannot be read.
    #[error("key is not one in PEM")]
    Key,
    /// The certificates of clients' authorities cannot be read.
    #[error("client_ca has no certificate in PEM")]
    ClientAuthority,
    /// Certificate and key are not fit for TLS, or not for one another.
    #[error("certificate and key: {0}")]
    Unfit(String),
}

impl std::fmt::Debug for MqttTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MqttTls")
    }
}

impl MqttTls {
    /// From PEM: the chain of certificates, the key, and the authorities of clients' certificates
    /// where clients must have one.
    ///
    /// # Errors
    /// When one of them cannot be used. No key is repeated.
    pub fn new(
        chain: &[u8],
        key: &[u8],
        clients: Option<(&[u8], Identity)>,
    ) -> Result<Self, TlsFault> {
        let identity = clients.map_or(Identity::Nothing, |(_, identity)| identity);
        let chain = certificates(chain).ok_or(TlsFault::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsFault::Key)?;
        let unfit = |fault: rustls::Error| TlsFault::Unfit(fault.to_string());
        // Named here: the process-wide default would depend on which crates are linked in.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some((pem, _)) => {
                let roots = root_store(pem).ok_or(TlsFault::ClientAuthority)?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|_| TlsFault::ClientAuthority)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(unfit)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), identity })
    }

    /// Who the client is by its certificate, which was verified in the handshake. A certificate
    /// without a common name names nobody, whom no rule knows.
    pub(super) fn user_of<S>(&self, stream: &TlsStream<S>) -> Option<Arc<str>> {
        if self.identity == Identity::Nothing {
            return None;
        }
        let certificate = stream.get_ref().1.peer_certificates().and_then(|all| all.first());
        Some(certificate.and_then(|der| common_name(der)).unwrap_or_default().into())
    }
}

/// The only common name of a certificate. Of two nobody could say which one was meant.
fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    names.next().is_none().then_some(name)
}
