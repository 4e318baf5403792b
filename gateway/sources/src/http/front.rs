//! The listener: takes connections within their bounds, and stops without breaking an answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::fault::Fault;
use super::limits::HttpLimits;
use super::message::Handler;
use super::metrics::HttpMetrics;
use super::shared::{Shared, Stop, overloaded};
use super::slots::Slots;
use crate::accept::{self, Acceptor};

/// A guarded HTTP listener in front of a handler.
pub struct Front {
    shared: Arc<Shared>,
    slots: Arc<Slots>,
    /// Places of connections that are told that there is no place.
    refusals: Arc<Slots>,
}

impl Front {
    /// A front with these bounds before this handler.
    #[must_use]
    pub fn new(limits: HttpLimits, handler: Arc<dyn Handler>) -> Self {
        let slots = Slots::new(limits.connections_max, limits.connections_per_address_max);
        let refusals = Slots::new(REFUSALS_MAX, REFUSALS_MAX);
        let shared = Arc::new(Shared::new(limits, handler, Arc::default()));
        Self { shared, slots, refusals }
    }

    /// The counters of this listener.
    #[must_use]
    pub fn metrics(&self) -> Arc<HttpMetrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// Serves until `stop` says `true` or its sender is gone. Then closes the listener and idle
    /// connections at once, lets requests in flight be answered for `drain`, and ends the rest.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>, drain: Duration) {
        let mut connections = JoinSet::new();
        let mut stopped = Stop::new(stop.clone());
        let mut acceptor = Acceptor::new(listener, "a connection");
        loop {
            tokio::select! {
                biased;
                () = stopped.given() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                (stream, peer) = acceptor.next() => {
                    self.take(stream, peer.ip().to_canonical(), &stop, &mut connections);
                }
            }
        }
        drop(acceptor);
        self.shared.stopping.store(true, Ordering::Relaxed);
        let ended = accept::drain(&mut connections, drain).await;
        if ended > 0 {
            tracing::warn!(connections = ended, "ended connections after the drain");
        }
    }

    fn take(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        stop: &watch::Receiver<bool>,
        connections: &mut JoinSet<()>,
    ) {
        // Answers are written whole: waiting for more to send would only delay them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let stop = Stop::new(stop.clone());
        let mut connection = Connection::new(stream, Arc::clone(&self.shared), peer, stop);
        if let Some(slot) = self.slots.take(peer) {
            self.shared.metrics.opened();
            let counted = Counted(self.metrics());
            connections.spawn(async move {
                let _held = (slot, counted);
                connection.run().await;
            });
            return;
        }
        self.shared.metrics.refused.increment();
        // A flood of refused connections is dropped without a word once enough are being told.
        if let Some(slot) = self.refusals.take(peer) {
            connections.spawn(async move {
                let _held = slot;
                connection.refuse(Fault::Refused(overloaded("connections"))).await;
            });
        }
    }
}

/// Counts a connection as closed however its task ends.
struct Counted(Arc<HttpMetrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// Connections that are told at once that there is no place for them.
const REFUSALS_MAX: usize = 64;
