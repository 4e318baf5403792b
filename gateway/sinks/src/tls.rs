//! TLS towards receivers and brokers: whom a sink believes.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use crate::http::Roots;

/// What is wrong with what TLS is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The PEM text holds no authority, or a broken one.
    Roots,
    /// The TLS library refused its own defaults.
    Library,
}

/// TLS 1.2 and 1.3 towards whom these authorities vouch for; what the sink shows is still to be
/// said.
pub(crate) fn believing(
    roots: &Roots,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsFault> {
    let store = match roots {
        Roots::Web => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        Roots::Pem(text) => root_store(text).ok_or(TlsFault::Roots)?,
    };
    // Named here: the process-wide default would depend on which crates are linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsFault::Library)?;
    Ok(builder.with_root_certificates(store))
}

/// The authorities of a PEM text: at least one, and none that is broken.
fn root_store(pem: &[u8]) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store.add(certificate.ok()?).ok()?;
    }
    (!store.is_empty()).then_some(store)
}
