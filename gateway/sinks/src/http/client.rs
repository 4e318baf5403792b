//! The client of one sink: its own pool, its own trust, no redirects, no proxy.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::config::{AllowPrivate, Roots};
use super::fault::SinkFault;
use super::resolver::GuardedResolver;

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector<GuardedResolver>>, Full<Bytes>>;

/// A client that connects only where it may.
pub(crate) fn client(allow: AllowPrivate, roots: &Roots) -> Result<HttpClient, SinkFault> {
    let mut tcp = HttpConnector::new_with_resolver(GuardedResolver::new(allow));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEPALIVE));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(roots)?)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_IDLE_MAX)
        .http2_keep_alive_interval(KEEPALIVE)
        .build(connector);
    Ok(client)
}

fn tls(roots: &Roots) -> Result<ClientConfig, SinkFault> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Web => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Pem(text) => {
            for certificate in CertificateDer::pem_slice_iter(text) {
                let certificate = certificate.map_err(|_| SinkFault::RootsMalformed)?;
                store.add(certificate).map_err(|_| SinkFault::RootsMalformed)?;
            }
        }
    }
    if store.is_empty() {
        return Err(SinkFault::RootsMalformed);
    }
    // Named here: the process-wide default would depend on which crates are linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SinkFault::Tls)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Many servers close a connection after a minute; Node's does after five seconds. A request that
/// races with the close is not lost, but costs a retry.
const POOL_IDLE: Duration = Duration::from_secs(20);
const POOL_IDLE_MAX: usize = 64;
