//! HTTP/2 with prior knowledge: hyper frames, this file bounds.
//!
//! The `h2` crate refuses connection fields, doubled pseudo-fields and a `content-length` that
//! lies. Here are the bounds that it lacks: idle time, the pace of a body, and the rule for
//! `host` beside `:authority`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sluicegate_core::fields::Fields;
use sluicegate_core::refusal::Refusal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout_at};

use super::body::Body;
use super::fault::Fault;
use super::head::{known_method, push_field};
use super::host::is_host;
use super::limits::HttpLimits;
use super::message::{BodyRule, Head, Request, Response};
use super::pace::Pace;
use super::replay::Replay;
use super::shared::{Shared, Stop};

/// Serves the connection until it ends. `before` was read from it already.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: S,
    before: Vec<u8>,
    shared: Arc<Shared>,
    peer: IpAddr,
    mut stop: Stop,
) {
    let limits = shared.limits.clone();
    let streams = Arc::new(Streams::default());
    let service = service_fn(|request| {
        let (shared, open) = (Arc::clone(&shared), streams.open());
        async move {
            let response = answer(request, &shared, peer).await;
            shared.metrics.answered(response.status);
            drop(open);
            Ok::<_, Infallible>(to_hyper(response))
        }
    });
    let io = TokioIo::new(Replay::new(before, io));
    let mut connection = pin!(builder(&limits).serve_connection(io, service));
    let mut stopping = false;
    let mut seen = streams.opened();
    loop {
        tokio::select! {
            // The peer broke the protocol, or went: either way there is nobody to tell.
            _ = connection.as_mut() => return,
            () = stop.given(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(limits.idle) => {
                if stopping && streams.are_quiet(seen) {
                    return;
                }
                if streams.are_quiet(seen) {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                seen = streams.opened();
            }
        }
    }
}

fn builder(limits: &HttpLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams_max)
        .max_pending_accept_reset_streams(limits.h2_resets_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(limits.idle.checked_div(3))
        .keep_alive_timeout(limits.first_byte);
    builder
}

/// How many streams are and were open on one connection.
#[derive(Default)]
struct Streams {
    open: AtomicUsize,
    opened: AtomicUsize,
}

/// One stream; closed when dropped, however it ends.
struct OpenStream(Arc<Streams>);

impl Streams {
    fn open(self: &Arc<Self>) -> OpenStream {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(self))
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether no stream is open, and none was opened since there had been `seen`.
    fn are_quiet(&self, seen: usize) -> bool {
        self.open.load(Ordering::Relaxed) == 0 && self.opened() == seen
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(request: hyper::Request<Incoming>, shared: &Shared, peer: IpAddr) -> Response {
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
    shared: &Shared,
    peer: IpAddr,
) -> Result<Response, Fault> {
    let head = read_head(&request, &shared.limits, peer)?;
    let rule =
        shared.handler.admit(&head).map_err(|response| Fault::NotAdmitted(Box::new(response)))?;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|text| text.parse().ok()).is_some_and(|n: usize| n > rule.bytes_max) {
        return Err(Fault::Refused(Refusal::TooLarge { limit_bytes: rule.bytes_max }));
    }
    let Body { bytes, held } = read_body(request.into_body(), shared, rule).await?;
    let response = shared.answer(Request::new(head, bytes)).await;
    drop(held);
    Ok(response)
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

fn to_hyper(response: Response) -> hyper::Response<Full<Bytes>> {
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

/// What a client may send of one body before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a client may send of all bodies before they are read.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What is kept of one answer that a client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
