//! Dials a broker: the name, TCP, TLS and the handshake of AMQP under one deadline.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lapin::tcp::AsyncTcpStream;
use lapin::{Channel, Connection, ConnectionProperties};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reactor;
use super::server::Server;
use super::stream::{Cut, LinkStream, Wire};
use crate::amqp::guard::{Tap, Taps};

/// An open connection.
pub struct Link {
    /// What lapin made of it.
    pub connection: Arc<Connection>,
    cut: Arc<Cut>,
    taps: Arc<Taps>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialFault {
    /// Nobody could be reached, or TLS was not agreed on.
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    /// The broker did not finish in time.
    #[error("no connection within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The broker refused us, or is none.
    #[error("broker refused: {0}")]
    Refused(String),
}

/// A connection that is not open yet. The thread that lapin has begun for it ends with its
/// stream, also when nobody waits for it any more.
struct Unfinished(Option<Arc<Cut>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(cut) = self.0.take() {
            cut.cut();
        }
    }
}

impl Link {
    /// Cuts the connection at once: what waits on it fails.
    pub fn cut(&self) {
        self.cut.cut();
    }

    /// The messages of this channel, which was just opened, and on which so many may be without an
    /// answer: lapin does not see them.
    pub(crate) fn tap(&self, channel: &Channel, prefetch: u16) -> Tap {
        self.taps.open(channel.id(), usize::from(prefetch))
    }

    /// Bytes that have come from the broker: a count that stands still is a broker that is silent.
    pub(crate) fn bytes(&self) -> u64 {
        self.cut.bytes()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // lapin closes what it drops, and waits for the broker's answer: not for ever. Taken
        // together with its own close, this loses nothing that was written.
        let cut = Arc::clone(&self.cut);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(CLOSE_TIME).await;
                cut.cut();
            });
        } else {
            cut.cut();
        }
    }
}

impl Server {
    /// Opens a connection that says it is called `name`. Longer bodies than `body_bytes_max` are
    /// left out of what comes.
    ///
    /// # Errors
    /// When there is none within the server's timeout.
    pub async fn dial(&self, name: &str, body_bytes_max: u64) -> Result<Link, DialFault> {
        let mut unfinished = Unfinished(Some(Arc::default()));
        let cut = unfinished.0.clone().unwrap_or_default();
        let taps = Arc::default();
        let dialled = self.open(name, body_bytes_max, &cut, &taps);
        let dialled = tokio::time::timeout(self.timeout, dialled).await;
        let connection = dialled.map_err(|_| DialFault::Timeout(self.timeout))??;
        unfinished.0 = None;
        Ok(Link { connection: Arc::new(connection), cut, taps })
    }

    async fn open(
        &self,
        name: &str,
        body_bytes_max: u64,
        cut: &Arc<Cut>,
        taps: &Arc<Taps>,
    ) -> Result<Connection, DialFault> {
        let wire = self.wire().await.map_err(DialFault::Unreachable)?;
        let stream = LinkStream::new(wire, Arc::clone(cut), Arc::clone(taps), body_bytes_max);
        let slot = Mutex::new(Some(stream));
        // lapin asks once: it is not to connect again by itself.
        let connect = async move |_, _| {
            let stream = slot.lock().ok().and_then(|mut slot| slot.take());
            let closed = || lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected));
            stream.map(AsyncTcpStream::Plain).ok_or_else(closed)
        };
        let properties = ConnectionProperties::default()
            .with_connection_name(name.into())
            .with_client_property("product".into(), "sluicegate".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        Connection::connector(self.uri.clone(), reactor::runtime(), connect, properties)
            .await
            .map_err(|fault| DialFault::Refused(fault.to_string()))
    }

    async fn wire(&self) -> io::Result<Wire> {
        let authority = &self.uri.authority;
        let tcp = TcpStream::connect((authority.host.as_str(), authority.port)).await?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            let (incoming, outgoing) = tcp.into_split();
            return Ok((Box::new(incoming), Box::new(outgoing)));
        };
        let name = ServerName::try_from(authority.host.clone())
            .map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?;
        let (incoming, outgoing) = tokio::io::split(tls);
        Ok((Box::new(incoming), Box::new(outgoing)))
    }
}

/// How long a connection that nobody holds any more may take to say goodbye.
const CLOSE_TIME: Duration = Duration::from_secs(5);
