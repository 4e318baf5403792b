//! Requests and responses as a handler sees them. Nothing of the wire is left in them.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use sluicegate_core::fields::Fields;
use sluicegate_core::seams::Pending;

/// What answers requests behind a [`Front`](super::Front).
pub trait Handler: Send + Sync + 'static {
    /// Decides from the head alone, before any of the body is read.
    ///
    /// # Errors
    /// The response to a request that goes no further: unknown path, other method, media type.
    fn admit(&self, head: &Head) -> Result<BodyRule, Response>;

    /// Answers a whole request.
    fn handle(&self, request: Request) -> Pending<'_, Response>;

    /// What becomes of [`handle`](Self::handle) when the client goes away before it is done.
    fn hangup(&self, _request: &Request) -> Hangup {
        Hangup::Finish
    }
}

/// What becomes of work whose client went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// It is done all the same: what is on its way to the disk is not torn from it.
    Finish,
    /// It is dropped: a long poll must not lease events to a client that is gone. A client that
    /// closes only its sending half counts as gone.
    Abandon,
}

/// What the head of a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The method, as sent: `POST`.
    pub method: String,
    /// Path and query, as sent; starts with `/`, or is `*` for `OPTIONS`.
    pub target: String,
    /// Every header field in order. Names in lower case; bytes outside UTF-8 read as ISO 8859-1.
    pub headers: Fields,
    /// The address of the peer of the connection.
    pub peer: IpAddr,
}

impl Head {
    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(&self.target)
    }
}

/// How the body of an admitted request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRule {
    /// A longer body is refused with 413.
    pub bytes_max: usize,
}

/// A request that is wholly here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent: `POST`.
    pub method: String,
    /// Path and query, as sent; starts with `/`, or is `*` for `OPTIONS`.
    pub target: String,
    /// Every header field in order. Names in lower case; bytes outside UTF-8 read as ISO 8859-1.
    pub headers: Fields,
    /// The body, byte for byte, without its transfer coding.
    pub body: Bytes,
    /// The address of the peer of the connection.
    pub peer: IpAddr,
}

impl Request {
    pub(crate) fn new(head: Head, body: Bytes) -> Self {
        let Head { method, target, headers, peer } = head;
        Self { method, target, headers, body, peer }
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(&self.target)
    }

    /// The query, without its `?`; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// An answer. The front adds `content-length`, `date` and `connection`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// Header fields; names in lower case. A value with control characters in it is not sent.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An empty answer.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// This answer with one header field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// This answer with a body of this media type.
    #[must_use]
    pub fn body(self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.with("content-type", media_type) }
    }
}
