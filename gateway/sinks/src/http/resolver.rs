//! Looks names up, and lets only allowed addresses through to the connector.
//!
//! The connector connects to what this returns and never looks the name up again, so that a name
//! cannot mean a public address when it is judged and a private one when it is used.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::config::AllowPrivate;

/// The system's resolver behind the rule.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver(Arc<AllowPrivate>);

impl GuardedResolver {
    pub(crate) fn new(allow: AllowPrivate) -> Self {
        Self(Arc::new(allow))
    }
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| allow.allows(address.ip())).collect();
            if allowed.is_empty() {
                let why = "the name leads to no public address, and allow_private names none";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(allowed.into_iter())
        })
    }
}
