//! Tells lapin that our streams are what its runtime calls a connection. Everything else is
//! Tokio's.

use std::io;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;

use super::stream::LinkStream;

/// Tokio's timers, with streams that we have dialled.
#[derive(Debug, Clone)]
pub(super) struct Dialled(Tokio);

/// The runtime that a connection runs on: the current one.
pub(super) fn runtime() -> Runtime<RuntimeParts<Tokio, Dialled>> {
    Runtime::new(RuntimeParts::new(Tokio::current(), Dialled(Tokio::current())))
}

impl Reactor for Dialled {
    type TcpStream = LinkStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// lapin registers nothing.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<LinkStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    /// A connection is dialled before lapin sees it.
    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<LinkStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
