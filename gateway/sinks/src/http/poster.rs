//! Posts to whom the operator names: for the command line, which may call any address and wants
//! the answer itself.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Request};

use super::client::{HttpClient, client};
use super::config::{AllowPrivate, Roots};
use super::fault::SinkFault;

/// A client that keeps its connections between posts.
pub struct Poster {
    client: HttpClient,
}

/// Why a post has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostFault {
    /// The URL or a header is not well-formed.
    #[error("request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
    /// Nobody answered, or the connection broke.
    #[error("no answer: {0}")]
    Connection(String),
    /// The answer did not come in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// One request, and how much of an answer is waited for.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The method: `GET`.
    pub method: &'a str,
    /// The URL, with its query.
    pub url: &'a str,
    /// Header fields.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: Bytes,
    /// The whole answer must be there within this time.
    pub timeout: Duration,
    /// A longer answer is a fault.
    pub answer_bytes_max: usize,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Answer {
    /// The values of a header field that are text, in order; `name` in any case.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }
}

impl Poster {
    /// A client that believes the web's certificate authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, SinkFault> {
        Self::with_roots(&Roots::Web)
    }

    /// A client that believes these certificate authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up with them.
    pub fn with_roots(roots: &Roots) -> Result<Self, SinkFault> {
        Ok(Self { client: client(AllowPrivate::Everything, roots)? })
    }

    /// A client that calls only what is public or allowed here.
    pub(crate) fn guarded(allow: AllowPrivate, roots: &Roots) -> Result<Self, SinkFault> {
        Ok(Self { client: client(allow, roots)? })
    }

    /// Posts once; the status and at most 64 KiB of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<(u16, Bytes), PostFault> {
        let (timeout, answer_bytes_max) = (TIMEOUT, ANSWER_BYTES_MAX);
        let method = "POST";
        self.ask(Question { method, url, headers, body, timeout, answer_bytes_max }).await
    }

    /// Asks once; the status and the answer.
    ///
    /// # Errors
    /// When there is no answer, or it is too long.
    pub async fn ask(&self, question: Question<'_>) -> Result<(u16, Bytes), PostFault> {
        let answer = self.exchange(question).await?;
        Ok((answer.status, answer.body))
    }

    /// Asks once; the whole answer, with its header fields. A redirect is an answer.
    ///
    /// # Errors
    /// When there is no answer, or it is too long.
    pub async fn exchange(&self, question: Question<'_>) -> Result<Answer, PostFault> {
        let Question { method, url, headers, body, timeout, answer_bytes_max } = question;
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(url), |request, (name, value)| {
                request.header(name, value)
            })
            .body(Full::new(body))?;
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|fault| PostFault::Connection(chain(&fault)))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, answer_bytes_max);
            let body =
                body.collect().await.map_err(|fault| PostFault::Connection(fault.to_string()))?;
            let (status, body) = (head.status.as_u16(), body.to_bytes());
            Ok(Answer { status, body, headers: head.headers })
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_| PostFault::Timeout(timeout))?
    }
}

/// An error with all its causes: the outermost alone says "client error".
fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
