//! One connection: HTTP/1 requests one after the other, or HTTP/2 from its preface on.

use std::net::IpAddr;
use std::sync::Arc;

use sluicegate_core::refusal::Refusal;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::body::{Body, BodyReader, came};
use super::fault::Fault;
use super::h2;
use super::head::{Framing, Length, Version, parse};
use super::inbox::Inbox;
use super::message::{BodyRule, Request, Response};
use super::scan::HeadScan;
use super::shared::{Shared, Stop};
use super::timer::{Late, Timer};
use super::wire::{Afterwards, push_head};

/// A connection, from its first byte to its last.
pub(crate) struct Connection<S> {
    io: S,
    inbox: Inbox,
    outbox: Vec<u8>,
    timer: Timer,
    shared: Arc<Shared>,
    peer: IpAddr,
    stop: Stop,
    /// Whether the request in hand is a `HEAD`: its answer has no body, whatever it says.
    bodiless: bool,
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

    /// One request and its answer.
    async fn exchange(&mut self) -> Result<Afterwards, Fault> {
        self.bodiless = false;
        let end = self.read_head().await?;
        let bytes = self.inbox.unread().get(..end).unwrap_or_default();
        let (head, framing) = parse(bytes, self.shared.limits.headers_max, self.peer)?;
        self.inbox.consume(end);
        self.bodiless = head.method == "HEAD";
        let rule = match self.shared.handler.admit(&head) {
            Ok(rule) => rule,
            Err(response) => return self.turn_away(framing, response).await,
        };
        let Body { bytes, held } = self.read_body(framing, rule).await?;
        let response = self.shared.answer(Request::new(head, bytes)).await;
        drop(held);
        let then = self.afterwards(framing);
        self.write(&response, then).await?;
        Ok(then)
    }

    /// The length of the next head, once it is all in the inbox.
    async fn read_head(&mut self) -> Result<usize, Fault> {
        if self.inbox.is_empty() {
            let idle = Instant::now() + self.shared.limits.idle;
            self.wait(idle, Fault::Gone).await?;
        }
        let mut scan = HeadScan::default();
        let mut deadline = None;
        loop {
            let unread = self.inbox.unread();
            let end = scan.end(unread)?;
            if end.unwrap_or(unread.len()) > self.shared.limits.head_bytes_max {
                return Err(Fault::Refused(Refusal::HeadersTooLarge));
            }
            if let Some(end) = end {
                return Ok(end);
            }
            let deadline =
                *deadline.get_or_insert_with(|| Instant::now() + self.shared.limits.head);
            came(self.timer.within(deadline, self.inbox.fill(&mut self.io)).await)?;
        }
    }

    /// Waits between messages for bytes; the end of the stream, and a stop, are fine here.
    async fn wait(&mut self, deadline: Instant, late: Fault) -> Result<(), Fault> {
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

    /// Answers a request that was not admitted. The connection stays if the body is here already.
    async fn turn_away(
        &mut self,
        framing: Framing,
        response: Response,
    ) -> Result<Afterwards, Fault> {
        match framing.length {
            Length::Exact(length) if self.inbox.unread().len() >= length => {
                self.inbox.consume(length);
                let then = self.afterwards(framing);
                self.write(&response, then).await?;
                Ok(then)
            }
            _ => Err(Fault::NotAdmitted(Box::new(response))),
        }
    }

    async fn read_body(&mut self, framing: Framing, rule: BodyRule) -> Result<Body, Fault> {
        let limit_bytes = rule.bytes_max;
        if matches!(framing.length, Length::Exact(length) if length > limit_bytes) {
            return Err(Fault::Refused(Refusal::TooLarge { limit_bytes }));
        }
        let has_body = framing.length != Length::Exact(0);
        if framing.expects_continue && has_body && self.inbox.is_empty() {
            self.outbox.clear();
            self.outbox.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush(&[]).await?;
        }
        let Self { io, inbox, timer, shared, .. } = self;
        let reader = BodyReader { io, inbox, timer, shared };
        match framing.length {
            Length::Exact(length) => reader.exact(length).await,
            Length::Chunked => reader.chunked(limit_bytes).await,
        }
    }

    fn afterwards(&self, framing: Framing) -> Afterwards {
        match framing.version {
            _ if !framing.persistent || self.shared.is_stopping() => Afterwards::Close,
            Version::Http10 => Afterwards::KeepAndSay,
            Version::Http11 => Afterwards::Keep,
        }
    }

    async fn write(&mut self, response: &Response, then: Afterwards) -> Result<(), Fault> {
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
    async fn flush(&mut self, more: &[u8]) -> Result<(), Fault> {
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
