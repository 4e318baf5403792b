//! One connection, from its first byte to its last: bytes in, bytes out, and the waits between.
//! What a packet does stands in `talk`, and what a session is in `session`.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use super::greeting::{Candidate, Greeted};
use super::session::Ending;
use super::shared::Shared;
use super::talk::{Done, Talk};
use super::wire::{
    ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, Packet, Version, Wire,
    WireFault, unacceptable_version,
};
use crate::fill::fill;

/// A connection that has not said anything yet.
pub(crate) struct Connection<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    inbox: BytesMut,
    outbox: BytesMut,
    wire: Wire,
    shared: Arc<Shared>,
    peer: IpAddr,
    /// Who the client is by its certificate.
    user: Option<Arc<str>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<S> {
    pub(crate) fn new(io: S, peer: IpAddr, user: Option<Arc<str>>, shared: Arc<Shared>) -> Self {
        let (reader, writer) = tokio::io::split(io);
        let wire = Wire::new(shared.limits.packet_bytes_max);
        let (inbox, outbox) = (BytesMut::new(), BytesMut::new());
        Self { reader, writer, inbox, outbox, wire, shared, peer, user }
    }

    /// Serves the connection until it ends.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let deadline = Instant::now() + self.shared.limits.connect;
        let candidate = tokio::select! {
            // On the heap: ten thousand that only wait do not hold what a greeting needs.
            judged = Box::pin(timeout_at(deadline, self.greet())) => match judged {
                Ok(candidate) => candidate,
                Err(_) => {
                    self.shared.hub.metrics.timeouts.increment();
                    None
                }
            },
            // A sender that is gone can never say stop again: that is a stop.
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(candidate) = candidate else { return self.flush().await };
        // Without a deadline: who has a place must leave it.
        let talk = Box::pin(self.welcome(candidate)).await;
        let Some(mut talk) = talk else { return self.flush().await };
        let ending = Box::pin(self.converse(&mut talk, &mut stop)).await;
        let (bytes_max, will) = (talk.packet_bytes_max(), talk.leave(ending));
        // Nobody waits for a client that does not read its last words.
        tokio::join!(Box::pin(self.part(bytes_max, ending)), Box::pin(talk.end(will)));
    }

    /// Reads the CONNECT and judges it. `None`: the connection is over.
    async fn greet(&mut self) -> Option<Candidate> {
        let connect = loop {
            match self.wire.decode(&mut self.inbox) {
                Ok(Some(Packet::Connect(connect))) => break connect,
                Ok(Some(_)) => return self.refuse(WireFault::Protocol("CONNECT is missing")),
                Ok(None) => {}
                Err(fault) => return self.refuse(fault),
            }
            if fill(&mut self.reader, &mut self.inbox).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let version = self.wire.version()?;
        let examined = self.shared.examine(&connect, version, self.peer, self.user.clone()).await;
        examined.map_err(|reason| self.say_no(reason)).ok()
    }

    /// Lets a client in, and says so. `None`: the connection is over.
    async fn welcome(&mut self, candidate: Candidate) -> Option<Talk> {
        let welcomed = self.shared.welcome(candidate).await;
        let Greeted { link, seat, ack } = welcomed.map_err(|reason| self.say_no(reason)).ok()?;
        let ack = Packet::ConnectAck(Box::new(ack));
        self.wire.encode(ack, usize::MAX, &mut self.outbox);
        Some(Talk::new(Arc::clone(&self.shared), link, seat, self.peer))
    }

    /// What came first is no CONNECT that is understood.
    fn refuse(&mut self, fault: WireFault) -> Option<Candidate> {
        self.shared.hub.metrics.violations.increment();
        tracing::debug!(peer = %self.peer, %fault, "an MQTT connection was refused");
        match (fault, self.wire.version()) {
            (WireFault::Version, None) => unacceptable_version(&mut self.outbox),
            // The one refusal of its content that 3.1.1 has a code for (section 3.1.3.1).
            (WireFault::NoClientId, Some(Version::V3)) => {
                self.say_no(ConnectAckReason::ClientIdentifierNotValid);
            }
            (WireFault::TooLarge, Some(Version::V5)) => {
                self.say_no(ConnectAckReason::PacketTooLarge)
            }
            (WireFault::TopicName, Some(Version::V5)) => {
                self.say_no(ConnectAckReason::TopicNameInvalid);
            }
            (WireFault::Protocol(_), Some(Version::V5)) => {
                self.say_no(ConnectAckReason::ProtocolError);
            }
            (WireFault::Malformed(_), Some(Version::V5)) => {
                self.say_no(ConnectAckReason::MalformedPacket);
            }
            _ => {}
        }
        None
    }

    fn say_no(&mut self, reason_code: ConnectAckReason) {
        let ack = ConnectAck { reason_code, ..ConnectAck::default() };
        self.wire.encode(Packet::ConnectAck(Box::new(ack)), usize::MAX, &mut self.outbox);
    }

    /// Talks with a client that was let in, until one of both ends it.
    async fn converse(&mut self, talk: &mut Talk, stop: &mut watch::Receiver<bool>) -> Ending {
        let (mut alarm, bell) = (Alarm::new(), talk.bell());
        let (mut stopping, mut begun) = (false, None);
        let mut wrote = Instant::now();
        loop {
            // One look at each clock for a turn.
            let now = Instant::now();
            talk.turn();
            let had = self.inbox.len();
            if let Err(ending) = self.advance(talk, stopping) {
                return ending;
            }
            if stopping && talk.is_idle() && self.outbox.is_empty() {
                return Ending::because(DisconnectReasonCode::ServerShuttingDown);
            }
            if self.outbox.is_empty() {
                wrote = now;
            }
            let write_by = (!self.outbox.is_empty()).then_some(wrote + self.shared.limits.write);
            let heard_by = talk.silent_in().map(|left| now + left);
            let pause = talk.pause().map(|left| now + left);
            let reads = !stopping && talk.takes_more() && self.outbox.len() < OUTBOX_BYTES;
            if talk.has_rival() {
                match reads.then(|| fill(&mut self.reader, &mut self.inbox).now_or_never()) {
                    Some(Some(Ok(1..))) => continue,
                    Some(Some(_)) => return Ending::BROKEN,
                    // It is listened to again when the line has taken what it said.
                    None if talk.is_full() && !stopping => {}
                    Some(None) | None => talk.heard_all(),
                }
            }
            if !reads {
                // Who is not listened to is not silent.
                talk.excuse();
            }
            if self.inbox.len() < had || self.inbox.is_empty() || !reads {
                begun = None;
            }
            let whole_by = self.whole_by(&mut begun, reads, now);
            let all = write_by.into_iter().chain(heard_by).chain(pause).chain(whole_by);
            alarm.set(all.min());
            tokio::select! {
                biased;
                written = self.writer.write_buf(&mut self.outbox), if write_by.is_some() => {
                    match written {
                        Ok(count) if count > 0 => wrote = Instant::now(),
                        _ => return self.hear_out(talk),
                    }
                }
                done = talk.next_done(), if !talk.is_idle() => {
                    if let Err(ending) = self.done_with_others(talk, done) {
                        return ending;
                    }
                }
                read = fill(&mut self.reader, &mut self.inbox), if reads => {
                    if read.unwrap_or(0) == 0 {
                        return Ending::BROKEN;
                    }
                }
                () = bell.notified() => talk.rung(),
                () = alarm.rings() => {
                    talk.turn();
                    if let Some(ending) = self.late(talk, write_by, whole_by) {
                        return ending;
                    }
                }
                _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
            }
        }
    }

    /// Nothing reaches the client any more. What it said before, perhaps its good-bye, is heard.
    fn hear_out(&mut self, talk: &mut Talk) -> Ending {
        self.outbox.clear();
        while talk.takes_more()
            && let Some(Ok(1..)) = fill(&mut self.reader, &mut self.inbox).now_or_never()
        {
            if let Err(ending) = self.advance(talk, false) {
                return ending;
            }
        }
        Ending::BROKEN
    }

    /// Does what can be done without waiting: packets that came whole, packets that may go.
    fn advance(&mut self, talk: &mut Talk, stopping: bool) -> Result<(), Ending> {
        talk.check_place()?;
        let mut replies = Vec::new();
        while !stopping && talk.takes_more() && self.outbox.len() < OUTBOX_BYTES {
            let decoded = self.wire.decode(&mut self.inbox);
            let packet = decoded.map_err(|fault| {
                self.shared.hub.metrics.violations.increment();
                tracing::debug!(peer = %self.peer, %fault, "an MQTT client broke the protocol");
                Ending::from(fault)
            })?;
            let Some(packet) = packet else { break };
            let handled = talk.handle(packet, &mut replies);
            for reply in replies.drain(..) {
                self.wire.encode(reply, talk.packet_bytes_max(), &mut self.outbox);
            }
            handled?;
        }
        while self.outbox.len() < OUTBOX_BYTES
            && let Some(packet) = talk.next_out()
        {
            let id = match &packet {
                Packet::Publish(publish) => {
                    self.shared.hub.metrics.sent.increment();
                    publish.packet_id
                }
                _ => None,
            };
            if !self.wire.encode(packet, talk.packet_bytes_max(), &mut self.outbox) {
                talk.unsendable(id);
            }
        }
        // An idle connection holds no buffers.
        for buffer in [&mut self.inbox, &mut self.outbox] {
            if buffer.is_empty() && buffer.capacity() > IDLE_BYTES {
                *buffer = BytesMut::new();
            }
        }
        Ok(())
    }

    /// What became durable in the same flush is answered in the same write.
    fn done_with_others(&mut self, talk: &mut Talk, first: Done) -> Result<(), Ending> {
        self.done(talk, first)?;
        while self.outbox.len() < OUTBOX_BYTES
            && let Some(done) = talk.ready_done()
        {
            self.done(talk, done)?;
        }
        Ok(())
    }

    fn done(&mut self, talk: &mut Talk, done: Done) -> Result<(), Ending> {
        let reply = talk.done(done)?;
        if let Some(reply) = reply {
            self.wire.encode(reply, talk.packet_bytes_max(), &mut self.outbox);
        }
        Ok(())
    }

    /// When a packet that has begun must be whole: nobody may hold a buffer for as long as it
    /// likes, and who is slow has a second for each KiB.
    fn whole_by(&self, begun: &mut Option<Instant>, reads: bool, now: Instant) -> Option<Instant> {
        if self.inbox.is_empty() || !reads {
            return None;
        }
        let seconds = u64::try_from(self.inbox.len() / 1024).unwrap_or(u64::MAX);
        let begun = *begun.get_or_insert(now);
        Some(begun + self.shared.limits.write + Duration::from_secs(seconds))
    }

    /// A deadline may have passed. Some ending if it has.
    fn late(
        &self,
        talk: &Talk,
        write_by: Option<Instant>,
        whole_by: Option<Instant>,
    ) -> Option<Ending> {
        let stuck =
            write_by.into_iter().chain(whole_by).min().is_some_and(|by| by <= Instant::now());
        let silent = talk.silent_in().is_some_and(|left| left.is_zero());
        if !stuck && !silent {
            return None;
        }
        self.shared.hub.metrics.timeouts.increment();
        Some(if stuck {
            Ending::BROKEN
        } else if talk.is_over() {
            Ending::because(DisconnectReasonCode::NotAuthorized)
        } else {
            Ending::because(DisconnectReasonCode::KeepAliveTimeout)
        })
    }

    /// Says good-bye where there is someone who understands it.
    async fn part(&mut self, bytes_max: usize, ending: Ending) {
        if let Some(reason) = ending.say {
            let packet = Packet::Disconnect(Disconnect::new(reason));
            self.wire.encode(packet, bytes_max, &mut self.outbox);
        }
        self.flush().await;
    }

    /// Writes what is left, if the client takes it, and closes. What the client says meanwhile is
    /// read and thrown away: it would reset the connection, and with it go the last words.
    async fn flush(&mut self) {
        let Self { reader, writer, inbox, outbox, .. } = self;
        let write = async {
            writer.write_all(outbox).await?;
            writer.shutdown().await?;
            inbox.clear();
            while !outbox.is_empty() && fill(reader, inbox).await? > 0 {
                inbox.clear();
            }
            io::Result::Ok(())
        };
        // However it goes, the connection is over.
        let _ = timeout(LINGER, write).await;
    }
}

/// One timer, moved only when it must ring earlier.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    armed: Instant,
    wanted: Option<Instant>,
}

impl Alarm {
    fn new() -> Self {
        let far = Instant::now() + FAR;
        Self { sleep: Box::pin(sleep_until(far)), armed: far, wanted: None }
    }

    fn set(&mut self, at: Option<Instant>) {
        self.wanted = at;
        if at.is_some_and(|at| at < self.armed) || self.sleep.is_elapsed() {
            self.armed = at.unwrap_or_else(|| Instant::now() + FAR);
            self.sleep.as_mut().reset(self.armed);
        }
    }

    async fn rings(&mut self) {
        self.sleep.as_mut().await;
    }
}

/// More than this waits with the session, not in a buffer; nor is more read then.
const OUTBOX_BYTES: usize = 64 * 1024;

/// Buffers over this are given back when they are empty.
const IDLE_BYTES: usize = 4 * 1024;

/// For the last words of a connection.
const LINGER: Duration = Duration::from_secs(2);

const FAR: Duration = Duration::from_secs(24 * 60 * 60);
