//! The listener: takes connections within their bounds, ends what is over, and stops without
//! breaking an answer.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::{NameError, QueueName};
use sluicegate_core::seams::{Engine, Intake};
use sluicegate_core::time::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::access::{Access, Subject};
use super::claims::{Claims, TopicRule};
use super::connection::Connection;
use super::hub::Hub;
use super::limits::MqttLimits;
use super::memory::Memory;
use super::metrics::MqttMetrics;
use super::session::Owner;
use super::shared::Shared;
use super::tls::MqttTls;
use super::websocket::Binary;
use super::wills::Wills;
use crate::accept::{self, Acceptor};
use crate::http::{Slots, Stop};

/// What an MQTT source is made of.
#[derive(Debug)]
pub struct MqttConfig {
    /// The bounds of the listener.
    pub limits: MqttLimits,
    /// Which source takes which topics.
    pub topics: Vec<TopicRule>,
    /// Who may come in, and what they may do.
    pub access: Access,
    /// The queues that may be subscribed to.
    pub queues: HashSet<QueueName>,
}

/// What an MQTT source calls.
pub struct MqttSeams {
    /// Takes what is published.
    pub intake: Arc<dyn Intake>,
    /// Hands out the events of queues.
    pub engine: Arc<dyn Engine>,
    /// What time it is.
    pub clock: Clock,
    /// Random bits, for the ids of clients that have none.
    pub dice: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// The MQTT way in.
pub struct MqttSource {
    shared: Arc<Shared>,
    slots: Arc<Slots>,
}

impl MqttSource {
    /// A source that hands what is published to the intake. It takes up what was kept before.
    ///
    /// # Errors
    /// When the place of its memory has no name, which is a mistake of this room.
    pub fn new(config: MqttConfig, seams: MqttSeams) -> Result<Self, NameError> {
        let MqttConfig { limits, topics, access, queues } = config;
        let MqttSeams { intake, engine, clock, dice } = seams;
        let memory = Memory::new(Arc::clone(&engine))?;
        let kept = memory.load();
        let hub = Hub::new(limits.hub(), Arc::default(), Some(memory));
        hub.restore(kept, clock.steady());
        let claims = Claims::new(topics);
        let slots = Slots::new(limits.connections_max, limits.connections_per_address_max);
        let wills = Wills::new();
        let shared =
            Shared { hub, wills, limits, access, engine, queues, claims, intake, clock, dice };
        // Rules may have changed since. Whose a session is may be unknown until its client comes.
        shared.hub.revoke_all(&|client, owner, wanted| {
            let user = match owner {
                Owner::Unknown => return true,
                Owner::Nobody => None,
                Owner::User(name) => Some(name.as_str().into()),
            };
            let subject = Subject { client: Arc::clone(client), user };
            shared.access.may_subscribe(&subject, wanted)
        });
        Ok(Self { shared: Arc::new(shared), slots })
    }

    /// The counters of this source.
    #[must_use]
    pub fn metrics(&self) -> Arc<MqttMetrics> {
        Arc::clone(&self.shared.hub.metrics)
    }

    /// Deletes what nobody needs any more, until `stop`.
    pub async fn settle(self: Arc<Self>, stop: watch::Receiver<bool>) {
        self.shared.settle(stop).await;
    }

    /// Serves until `stop` says `true` or its sender is gone. Then closes the listener, lets what
    /// is on its way through the line be answered for `drain`, and ends the rest.
    ///
    /// One source may serve several listeners, with and without TLS.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        how: MqttListen,
        stop: watch::Receiver<bool>,
        drain: Duration,
    ) {
        let mut connections = JoinSet::new();
        let mut stopped = Stop::new(stop.clone());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut acceptor = Acceptor::new(listener, "an MQTT connection");
        loop {
            tokio::select! {
                biased;
                () = stopped.given() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                _ = tick.tick() => self.tidy(),
                (stream, peer) = acceptor.next() => {
                    self.take(stream, peer.ip().to_canonical(), &how, &stop, &mut connections);
                }
            }
        }
        drop(acceptor);
        let ended = accept::drain(&mut connections, drain).await;
        if ended > 0 {
            tracing::warn!(connections = ended, "ended MQTT connections after the drain");
        }
        // What cannot be written down now is found again after the next start.
        let _ = self.shared.settle_once().await;
    }

    /// Ends sessions that are over, and publishes the wills that are due.
    fn tidy(&self) {
        let shared = &self.shared;
        let now = shared.now();
        shared.hub.tick(now).into_iter().for_each(|will| shared.wills.add(will, now));
        while let Some((due, permit)) = shared.wills.next(now) {
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let mut next = Some((due, permit));
                while let Some((due, permit)) = next.take() {
                    shared.try_will(due).await;
                    drop(permit);
                    next = shared.wills.next(shared.now());
                }
            });
        }
        shared.hub.metrics.hold(shared.hub.counts(), shared.hub.waiting());
    }

    fn take(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        how: &MqttListen,
        stop: &watch::Receiver<bool>,
        connections: &mut JoinSet<()>,
    ) {
        // Packets are written whole: waiting for more to send would only delay them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Some(slot) = self.slots.take(peer) else {
            // Dropped without a word: before its CONNECT no client can be told anything.
            self.shared.hub.metrics.refused.increment();
            return;
        };
        self.shared.hub.metrics.opened();
        let counted = Counted(self.metrics());
        let (shared, stop, how) = (Arc::clone(&self.shared), stop.clone(), how.clone());
        connections.spawn(async move {
            let _held = (slot, counted);
            let caller = Caller { peer, shared, stop };
            // On the heap, each by itself: what a handshake needs is given back after it.
            let Some(tls) = how.tls else {
                return Box::pin(caller.framed(stream, how.framing, None)).await;
            };
            // Its own deadline, and its own task: who says nothing here holds up nobody.
            let accepted = Box::pin(caller.in_time("TLS", tls.acceptor.accept(stream))).await;
            let Some(stream) = accepted else { return };
            let user = tls.user_of(&stream);
            Box::pin(caller.framed(stream, how.framing, user)).await;
        });
    }
}

/// How a listener is spoken to.
#[derive(Debug, Clone)]
pub struct MqttListen {
    /// With TLS, if at all.
    pub tls: Option<MqttTls>,
    /// What carries the bytes.
    pub framing: Framing,
}

/// What carries the bytes of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The connection itself.
    Stream,
    /// Binary frames of a WebSocket.
    WebSocket,
}

/// A connection on its way to its CONNECT.
struct Caller {
    peer: IpAddr,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
}

impl Caller {
    async fn framed<S>(self, stream: S, framing: Framing, user: Option<Arc<str>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if framing == Framing::Stream {
            let connection = Connection::new(stream, self.peer, user, self.shared);
            return Box::pin(connection.run(self.stop)).await;
        }
        let accept = Binary::accept(stream, self.shared.limits.packet_bytes_max);
        let socket = Box::pin(self.in_time("WebSocket", accept)).await;
        let Some(socket) = socket else { return };
        Box::pin(Connection::new(socket, self.peer, user, self.shared).run(self.stop)).await;
    }

    /// What a handshake comes to, within the time for it.
    async fn in_time<T, E: std::fmt::Display>(
        &self,
        what: &'static str,
        handshake: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let (metrics, peer) = (&self.shared.hub.metrics, self.peer);
        match timeout(self.shared.limits.connect, handshake).await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(fault)) => {
                metrics.violations.increment();
                tracing::debug!(%peer, %fault, what, "a handshake failed");
            }
            Err(_) => metrics.timeouts.increment(),
        }
        None
    }
}

/// Counts a connection as closed however its task ends.
struct Counted(Arc<MqttMetrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// How often sessions and wills are looked at.
const TICK: Duration = Duration::from_millis(250);
