//! TLS of the listener: the gateway's certificate, and whose certificates clients must have.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// What the listener shows, and what it asks for.
#[derive(Clone)]
pub struct MqttTls(pub(super) TlsAcceptor);

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
    pub fn new(chain: &[u8], key: &[u8], clients: Option<&[u8]>) -> Result<Self, TlsFault> {
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
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem).ok_or(TlsFault::ClientAuthority)? {
                    roots.add(certificate).map_err(|_| TlsFault::ClientAuthority)?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|_| TlsFault::ClientAuthority)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(unfit)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}
