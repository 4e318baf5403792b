//! One connection, from its first byte to its last: which protocol it speaks, what is written to
//! it, and how it ends. What one HTTP/1 request is lies in `h1`.

use std::net::IpAddr;
use std::sync::Arc;

use sluicegate_core::refusal::Refusal;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::fault::Fault;
use super::h2;
use super::inbox::Inbox;
use super::message::Response;
use super::shared::{Shared, Stop};
use super::timer::{Late, Timer};
use super::wire::{Afterwards, push_head};

/// A connection, from its first byte to its last.
pub(crate) struct Connection<S> {
    pub(crate) io: S,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Vec<u8>,
    pub(crate) timer: Timer,
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: IpAddr,
    stop: Stop,
    /// Whether the request in hand is a `HEAD`: its answer has no body, whatever it says.
    pub(crate) bodiless: bool,
}

enum Protocol {
    Http1,
    Http2,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<S> {
    pub(crate) fn new(io: S, shared: Arc<Shared>, peer: IpAddr, stop: Stop) -> Self {
        let timer = Timer::new(Instant::now() + shared.limits.first_byte);
        let (inbox, outbox) = (Inbox::default(), Vec::new());
        Self { io, inbox, outbox, timer, shared, peer, stop, bodiless: false }
    }

    /// Serves the connection until it ends.
    pub(crate) async fn run(mut self) {
        match self.sniff().await {
            Ok(Protocol::Http1) => {}
            Ok(Protocol::Http2) => {
                let Self { io, inbox, shared, peer, stop, .. } = self;
                return h2::serve(io, inbox.into_unread(), shared, peer, stop).await;
            }
            Err(fault) => return self.refuse(fault).await,
        }
        loop {
            match self.exchange().await {
                Ok(Afterwards::Close) => return self.linger().await,
                Ok(Afterwards::Keep | Afterwards::KeepAndSay) => {}
                Err(fault) => return self.refuse(fault).await,
            }
        }
    }

    /// Says why nothing more is taken, and closes in a way that lets the client read it.
    pub(crate) async fn refuse(&mut self, fault: Fault) {
        if fault == Fault::Refused(Refusal::TooSlow) {
            self.shared.metrics.timeouts.increment();
        }
        let Some(response) = fault.response() else { return };
        if self.write(&response, Afterwards::Close).await.is_ok() {
            self.linger().await;
        }
    }

    /// Waits for the bytes that tell the protocols apart.
    async fn sniff(&mut self) -> Result<Protocol, Fault> {
        let opened = Instant::now();
        let mut deadline = opened + self.shared.limits.first_byte;
        loop {
            let unread = self.inbox.unread();
            if unread.starts_with(PREFACE) {
                return Ok(Protocol::Http2);
            }
            if !PREFACE.starts_with(unread) {
                return Ok(Protocol::Http1);
            }
            if !unread.is_empty() {
                deadline = opened + self.shared.limits.first_byte + self.shared.limits.head;
            }
            self.wait(deadline, Fault::Refused(Refusal::TooSlow)).await?;
        }
    }

    /// Waits between messages for bytes; the end of the stream, and a stop, are fine here.
    pub(crate) async fn wait(&mut self, deadline: Instant, late: Fault) -> Result<(), Fault> {
        let read = self.timer.within(deadline, self.inbox.fill(&mut self.io));
        let read = tokio::select! {
            biased;
            read = read => read,
            () = self.stop.given() => return Err(Fault::Gone),
        };
        match read {
            Ok(Ok(0) | Err(_)) => Err(Fault::Gone),
            Ok(Ok(_)) => Ok(()),
            Err(Late) => Err(late),
        }
    }

    /// Writes a whole response.
    pub(crate) async fn write(
        &mut self,
        response: &Response,
        then: Afterwards,
    ) -> Result<(), Fault> {
        self.shared.metrics.answered(response.status);
        self.outbox.clear();
        push_head(&mut self.outbox, response, then, Instant::now().into_std());
        let body = if self.bodiless { &[][..] } else { &response.body };
        if body.len() <= TOGETHER_BYTES {
            self.outbox.extend_from_slice(body);
            self.flush(&[]).await
        } else {
            self.flush(body).await
        }
    }

    /// Writes the outbox, then `more`.
    pub(crate) async fn flush(&mut self, more: &[u8]) -> Result<(), Fault> {
        let deadline = Instant::now() + self.shared.limits.write;
        let Self { io, outbox, timer, .. } = self;
        let write = async {
            io.write_all(outbox).await?;
            io.write_all(more).await?;
            io.flush().await
        };
        match timer.within(deadline, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(Late) => Err(Fault::Gone),
        }
    }

    /// Ends our side, then reads on for a while: closing with unread bytes makes the kernel send
    /// a reset, which can take the answer away before the client has read it.
    async fn linger(&mut self) {
        let deadline = Instant::now() + self.shared.limits.linger;
        let Self { io, inbox, timer, .. } = self;
        let drain = async {
            io.shutdown().await?;
            loop {
                inbox.consume(usize::MAX);
                if inbox.fill(io).await? == 0 {
                    return std::io::Result::Ok(());
                }
            }
        };
        // However it goes, the connection is over.
        let _ = timer.within(deadline, drain).await;
    }
}

/// How HTTP/2 with prior knowledge starts (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A body of up to so many bytes is written together with its head.
const TOGETHER_BYTES: usize = 16 * 1024;
