//! TLS towards brokers: whom the gateway believes, and what it shows.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// What is wrong with what TLS is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The PEM text holds no authority, or a broken one.
    Roots,
    /// The PEM text holds no certificate or no key, or they do not belong together.
    Identity,
    /// The TLS library refused its own defaults.
    Library,
}

/// TLS 1.2 and 1.3. `roots`: PEM of the authorities to believe, and no others; otherwise those of
/// the web (Mozilla's list). `identity`: PEM of our certificate with those above it, and its key.
pub(crate) fn client_config(
    roots: Option<&[u8]>,
    identity: Option<(&[u8], &[u8])>,
) -> Result<ClientConfig, TlsFault> {
    let store = match roots {
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        Some(pem) => root_store(pem).ok_or(TlsFault::Roots)?,
    };
    // Named here: the process-wide default would depend on which crates are linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsFault::Library)?
        .with_root_certificates(store);
    let Some((chain, key)) = identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(chain).ok_or(TlsFault::Identity)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsFault::Identity)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| TlsFault::Identity)
}

/// The authorities of a PEM text: at least one, and none that is broken.
pub(crate) fn root_store(pem: &[u8]) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).ok()?;
    }
    Some(store)
}

/// The certificates of a PEM text: at least one, and none that is broken.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}
