//! The client of one sink: its own pool, its own trust, no redirects, no proxy.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::config::{AllowPrivate, Roots};
use super::fault::SinkFault;
use super::resolver::GuardedResolver;
use crate::tls::{self, TlsFault};

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector<GuardedResolver>>, Full<Bytes>>;

/// A client that connects only where it may.
pub(crate) fn client(allow: AllowPrivate, roots: &Roots) -> Result<HttpClient, SinkFault> {
    let tls = tls::believing(roots).map_err(|fault| match fault {
        TlsFault::Roots => SinkFault::RootsMalformed,
        TlsFault::Library => SinkFault::Tls,
    })?;
    let mut tcp = HttpConnector::new_with_resolver(GuardedResolver::new(allow));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEPALIVE));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.with_no_client_auth())
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

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Many servers close a connection after a minute; Node's does after five seconds. A request that
/// races with the close is not lost, but costs a retry.
const POOL_IDLE: Duration = Duration::from_secs(20);
const POOL_IDLE_MAX: usize = 64;
