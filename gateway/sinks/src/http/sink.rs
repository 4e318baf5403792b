//! One attempt: post the event, read the status, judge.

use std::error::Error;
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Response, Uri};
use sluicegate_core::event::Event;
use sluicegate_core::limits::bounded_reason;
use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Pending, Sink};
use sluicegate_core::time::Clock;
use tokio::time::{Instant, timeout_at};

use super::client::{HttpClient, client};
use super::config::{HttpSinkConfig, Signer};
use super::envelope::{put_attributes, put_signatures};
use super::fault::SinkFault;
use super::headers::read_headers;
use super::judge::{outcome, retry_after};
use super::url::read_url;

/// Posts each event to one URL.
pub struct HttpSink {
    client: HttpClient,
    url: Uri,
    headers: HeaderMap,
    signers: Vec<Signer>,
    timeout: Duration,
    clock: Clock,
}

impl HttpSink {
    /// A sink of this configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// When the configuration cannot work, or leads where it must not.
    pub fn new(config: HttpSinkConfig) -> Result<Self, SinkFault> {
        let url = read_url(&config.url, &config.allow_private)?;
        let headers = read_headers(&config.headers)?;
        let client = client(config.allow_private, &config.roots)?;
        let HttpSinkConfig { signers, timeout, clock, .. } = config;
        Ok(Self { client, url, headers, signers, timeout, clock })
    }

    async fn attempt(&self, event: &Event) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        match timeout_at(deadline, self.client.request(self.request(event))).await {
            Ok(Ok(response)) => self.judge(response, deadline).await,
            Ok(Err(error)) => retry(with_causes(&error)),
            Err(_) => retry(format!("no answer within {:?}", self.timeout)),
        }
    }

    fn request(&self, event: &Event) -> Request<Full<bytes::Bytes>> {
        let mut request = Request::new(Full::new(event.payload.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        put_attributes(request.headers_mut(), event);
        put_signatures(request.headers_mut(), event, &self.signers, self.clock.now());
        request
    }

    async fn judge(&self, response: Response<Incoming>, deadline: Instant) -> Outcome {
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).map(|value| value.as_bytes());
        let after = retry_after(after, self.clock.now());
        let body = read_start(response.into_body(), deadline).await;
        outcome(status, after, &body)
    }
}

impl Sink for HttpSink {
    fn deliver<'a>(&'a self, batch: &'a [Attempt]) -> Pending<'a, Vec<Outcome>> {
        Box::pin(join_all(batch.iter().map(|attempt| self.attempt(&attempt.event))))
    }
}

/// Reads the body so that the connection can be used again, and keeps its start. The status is
/// the answer: a body that is long, slow or broken changes nothing but the connection's fate.
async fn read_start(mut body: Incoming, deadline: Instant) -> Vec<u8> {
    let deadline = deadline.min(Instant::now() + DRAIN_TIME);
    let (mut start, mut length) = (Vec::new(), 0);
    while length <= DRAIN_BYTES {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else { break };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        let room = START_BYTES.saturating_sub(start.len()).min(data.len());
        start.extend_from_slice(data.get(..room).unwrap_or_default());
    }
    start
}

fn retry(why: String) -> Outcome {
    Outcome::Retry { after: None, why: bounded_reason(why) }
}

/// An error and what caused it, each once.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

/// How long the rest of an answer is waited for once its status is known.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// A longer body is left unread, and its connection is closed.
const DRAIN_BYTES: usize = 64 * 1024;
/// What is kept of a body to quote from.
const START_BYTES: usize = 1024;
