//! The HTTP source: a request to a configured path becomes a delivery; its fate, the answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::delivery::{Delivery, Transport, is_gzip, media_type};
use sluicegate_core::handshake::Reply;
use sluicegate_core::ids::SourceName;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Intake, Pending};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::front::Front;
use super::limits::HttpLimits;
use super::message::{BodyRule, Handler, Head, Request, Response};
use super::metrics::HttpMetrics;

/// What an HTTP source is made of.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The bounds of the listener.
    pub limits: HttpLimits,
    /// The paths, each once.
    pub paths: Vec<PathRule>,
}

/// One path and the source that it is.
#[derive(Debug, Clone)]
pub struct PathRule {
    /// The path, compared byte by byte with the path of the request, without decoding.
    pub path: String,
    /// The source.
    pub source: SourceName,
    /// A longer body is refused with 413.
    pub payload_bytes_max: usize,
    /// The media types that are taken, in lower case and without parameters; empty: any, or none.
    pub media_types: Vec<String>,
    /// Methods beside `POST` that its provider's handshakes use.
    pub handshake_methods: Vec<&'static str>,
    /// Whether bodies may come packed by gzip. They are handed on as they came.
    pub gzip: bool,
}

/// The HTTP way in.
pub struct HttpSource {
    front: Front,
}

impl HttpSource {
    /// A source that hands deliveries to `intake`. Of two rules with the same path the later
    /// counts: that each path is there once is for the configuration to check.
    #[must_use]
    pub fn new(config: HttpConfig, intake: Arc<dyn Intake>) -> Self {
        let paths = config.paths.into_iter().map(|rule| (rule.path.clone(), rule)).collect();
        let webhooks = Arc::new(Webhooks { paths, intake });
        Self { front: Front::new(config.limits, webhooks) }
    }

    /// The counters of this source's listener.
    #[must_use]
    pub fn metrics(&self) -> Arc<HttpMetrics> {
        self.front.metrics()
    }

    /// Serves until `stop` says `true` or its sender is gone; see [`Front::serve`].
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>, drain: Duration) {
        self.front.serve(listener, stop, drain).await;
    }
}

struct Webhooks {
    paths: HashMap<String, PathRule>,
    intake: Arc<dyn Intake>,
}

impl Webhooks {
    fn judge(&self, head: &Head) -> Result<BodyRule, Refusal> {
        let rule = self.paths.get(head.path()).ok_or(Refusal::NoSource)?;
        if rule.handshake_methods.contains(&head.method.as_str()) {
            return Ok(BodyRule { bytes_max: 0 });
        }
        if head.method != "POST" {
            return Err(Refusal::WrongMethod);
        }
        // Signatures are over the bytes as sent: nothing is decoded before it is verified.
        for coding in head.headers.all("content-encoding") {
            if !(coding.eq_ignore_ascii_case("identity") || rule.gzip && is_gzip(coding)) {
                return Err(Refusal::WrongMediaType { what: "content-encoding".into() });
            }
        }
        if !rule.media_types.is_empty() {
            let media = media_type(head.headers.first("content-type").unwrap_or_default());
            if head.headers.all("content-type").nth(1).is_some()
                || !rule.media_types.contains(&media)
            {
                return Err(Refusal::WrongMediaType { what: "content-type".into() });
            }
        }
        Ok(BodyRule { bytes_max: rule.payload_bytes_max })
    }
}

impl Webhooks {
    fn wrong_method(&self, path: &str) -> Response {
        let rule = self.paths.get(path);
        let methods = rule.map(|rule| rule.handshake_methods.as_slice()).unwrap_or_default();
        let all: Vec<&str> = ["POST"].iter().chain(methods).copied().collect();
        Response::from(&Refusal::WrongMethod).with("allow", all.join(", "))
    }
}

impl Handler for Webhooks {
    fn admit(&self, head: &Head) -> Result<BodyRule, Response> {
        self.judge(head).map_err(|refusal| match refusal {
            Refusal::WrongMethod => self.wrong_method(head.path()),
            refusal => Response::from(&refusal),
        })
    }

    fn handle(&self, request: Request) -> Pending<'_, Response> {
        Box::pin(async move {
            let Some(rule) = self.paths.get(request.path()) else {
                return Response::from(&Refusal::NoSource);
            };
            let Request { method, target, headers, body, peer } = request;
            let source = rule.source.clone();
            let (peer, transport) = (Some(peer), Transport::default());
            let delivery = Delivery { source, method, target, headers, body, peer, transport };
            if delivery.method != "POST" || self.intake.greets(&delivery) {
                return match self.intake.greet(delivery).await {
                    Ok(reply) => greeted(reply),
                    Err(Refusal::WrongMethod) => self.wrong_method(&rule.path),
                    Err(refusal) => Response::from(&refusal),
                };
            }
            match self.intake.take(delivery).await {
                Ok(receipt) => accepted(receipt),
                Err(refusal) => Response::from(&refusal),
            }
        })
    }
}

/// The answer to a handshake. It may hold what the request said, so no browser may take it for a
/// page.
fn greeted(reply: Reply) -> Response {
    let Reply { status, headers, media_type, body } = reply;
    let response = headers
        .into_iter()
        .fold(Response::new(status), |response, (name, value)| response.with(name, value))
        .with("x-content-type-options", "nosniff");
    match media_type {
        Some(media_type) => response.body(media_type, body),
        None => response,
    }
}

/// The only place where a receipt becomes a 202.
fn accepted(receipt: Receipt) -> Response {
    let duplicate = receipt.repeat() == Repeat::Duplicate;
    let body = format!(r#"{{"id":"{}","duplicate":{duplicate}}}"#, receipt.event());
    Response::new(202).body("application/json", body)
}
