//! One HTTP/2 request and its answer.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use sluicegate_core::fields::Fields;
use sluicegate_core::refusal::Refusal;
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::fault::Fault;
use super::head::{known_method, push_field};
use super::host::is_host;
use super::limits::HttpLimits;
use super::message::{BodyRule, Hangup, Head, Request, Response};
use super::pace::Pace;
use super::shared::Shared;

/// The answer to a request, whatever it is.
pub(crate) async fn answer(
    request: hyper::Request<Incoming>,
    shared: &Arc<Shared>,
    peer: IpAddr,
) -> Response {
    let bodiless = request.method() == hyper::Method::HEAD;
    let response = match exchange(request, shared, peer).await {
        Ok(response) => response,
        Err(fault) => {
            if fault == Fault::Refused(Refusal::TooSlow) {
                shared.metrics.timeouts.increment();
            }
            // The answer to nobody is dropped with its stream.
            fault.response().unwrap_or_else(|| Response::new(400))
        }
    };
    if bodiless { Response { body: Bytes::new(), ..response } } else { response }
}

async fn exchange(
    request: hyper::Request<Incoming>,
    shared: &Arc<Shared>,
    peer: IpAddr,
) -> Result<Response, Fault> {
    let head = read_head(&request, &shared.limits, peer)?;
    let rule =
        shared.handler.admit(&head).map_err(|response| Fault::NotAdmitted(Box::new(response)))?;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|text| text.parse().ok()).is_some_and(|n: usize| n > rule.bytes_max) {
        return Err(Fault::Refused(Refusal::TooLarge { limit_bytes: rule.bytes_max }));
    }
    let body = read_body(request.into_body(), shared, rule).await?;
    let request = Request::new(head, body.bytes);
    let hangup = shared.handler.hangup(&request);
    let shared = Arc::clone(shared);
    let answer = async move {
        let _held = body.held;
        shared.answer(request).await
    };
    match hangup {
        // hyper drops this future with its stream.
        Hangup::Abandon => Ok(answer.await),
        // Not dropped with its stream: it runs to its end, unless it panics.
        Hangup::Finish => Ok(tokio::spawn(answer).await.unwrap_or_else(|_| Response::new(500))),
    }
}

fn read_head<B>(
    request: &hyper::Request<B>,
    limits: &HttpLimits,
    peer: IpAddr,
) -> Result<Head, Fault> {
    let method = known_method(request.method().as_str())?.to_owned();
    if request.headers().len() >= limits.headers_max {
        return Err(Fault::Refused(Refusal::HeadersTooLarge));
    }
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let hosts = request.headers().get_all(HOST).iter();
    let hosts: Vec<&[u8]> =
        authority.map(str::as_bytes).into_iter().chain(hosts.map(HeaderValue::as_bytes)).collect();
    let (Some(host), true) = (hosts.first(), hosts.len() <= 2) else {
        return Err(Fault::malformed("host is missing, or there more than once"));
    };
    if !is_host(host) || hosts.iter().any(|other| !other.eq_ignore_ascii_case(host)) {
        return Err(Fault::malformed("host is not a host, or another than :authority"));
    }
    let mut headers = Fields::with_capacity(request.headers().len() + 1, 512);
    push_field(&mut headers, "host", host);
    for (name, value) in request.headers().iter().filter(|(name, _)| **name != HOST) {
        push_field(&mut headers, name.as_str(), value.as_bytes());
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    Ok(Head { method, target: target.to_owned(), headers, peer })
}

async fn read_body(mut body: Incoming, shared: &Shared, rule: BodyRule) -> Result<Body, Fault> {
    let limit_bytes = rule.bytes_max;
    let pace = Pace::new(&shared.limits, Instant::now());
    let mut held = shared.body_bytes();
    let (mut first, mut joined) = (Bytes::new(), Vec::new());
    let mut length = 0;
    while !body.is_end_stream() {
        let frame = timeout_at(pace.deadline(length), body.frame()).await;
        let frame = match frame {
            Err(_) => return Err(Fault::Refused(Refusal::TooSlow)),
            Ok(Some(Err(_))) => return Err(Fault::Gone),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers mean nothing to us.
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit_bytes {
            return Err(Fault::Refused(Refusal::TooLarge { limit_bytes }));
        }
        held.hold(length).map_err(Fault::Refused)?;
        if length == data.len() {
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
    }
    let bytes = if joined.is_empty() { first } else { Bytes::from(joined) };
    Ok(Body { bytes, held: Some(held) })
}

/// The response as hyper has it.
pub(crate) fn to_hyper(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut out = hyper::Response::new(Full::new(response.body));
    *out.status_mut() = hyper::StatusCode::from_u16(response.status)
        .unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        // As over HTTP/1: a value that is none is left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.headers_mut().append(name, value);
        }
    }
    out
}
