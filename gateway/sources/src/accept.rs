//! Takes the connections of a listener, and lets go of them when it stops, whatever they speak.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// A listener that is patient where the machine has no room for one more connection.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// What is accepted, for the log.
    what: &'static str,
    backoff: Duration,
    not_before: Option<Instant>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, what: &'static str) -> Self {
        Self { listener, what, backoff: BACKOFF_MIN, not_before: None }
    }

    /// The next connection. May be called off and asked again: none is lost.
    pub(crate) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(moment) = self.not_before {
                sleep_until(moment).await;
                self.not_before = None;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.backoff = BACKOFF_MIN;
                    return accepted;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of descriptors or memory: trying again at once would burn a core.
                    tracing::warn!(%error, "failed to accept {}", self.what);
                    self.not_before = Some(Instant::now() + self.backoff);
                    self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }
}

/// Lets connections come to their end for so long, and ends the rest: returns how many.
pub(crate) async fn drain(connections: &mut JoinSet<()>, within: Duration) -> usize {
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(within, all).await; // What it left over is counted.
    let ended = connections.len();
    connections.shutdown().await;
    ended
}

/// Whether accepting failed for one connection only, which is gone already.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
