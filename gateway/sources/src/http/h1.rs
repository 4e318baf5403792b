//! One HTTP/1 request and its answer.

use sluicegate_core::refusal::Refusal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::body::{Body, BodyReader, came};
use super::connection::Connection;
use super::fault::Fault;
use super::framing::{Framing, Length, Version};
use super::head::parse;
use super::message::{BodyRule, Hangup, Request, Response};
use super::scan::HeadScan;
use super::wire::Afterwards;

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<S> {
    /// One request and its answer.
    pub(crate) async fn exchange(&mut self) -> Result<Afterwards, Fault> {
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
        let response = self.ask(Request::new(head, bytes)).await?;
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

    /// The handler's answer; none if the client went, and the handler does not want to go on.
    async fn ask(&mut self, request: Request) -> Result<Response, Fault> {
        let Self { io, inbox, shared, .. } = self;
        if shared.handler.hangup(&request) == Hangup::Finish {
            return Ok(shared.answer(request).await);
        }
        let gone = async {
            // Bytes that come are the next request: a client that sends them is there.
            let left = inbox.is_empty() && matches!(inbox.fill(io).await, Ok(0) | Err(_));
            if !left {
                std::future::pending().await
            }
        };
        tokio::select! {
            biased;
            response = shared.answer(request) => Ok(response),
            () = gone => Err(Fault::Gone),
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
}
