//! HTTP/2 with prior knowledge: hyper frames, this file bounds.
//!
//! The `h2` crate refuses connection fields, doubled pseudo-fields and a `content-length` that
//! lies. Here are the bounds that it lacks: idle time, the pace of a body, and the rule for
//! `host` beside `:authority`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

use super::limits::HttpLimits;
use super::replay::Replay;
use super::shared::{Shared, Stop};
use super::stream::{answer, to_hyper};
use super::streams::Streams;

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
    let mut end_at = None;
    let mut seen = streams.opened();
    loop {
        tokio::select! {
            // The peer broke the protocol, or went: either way there is nobody to tell.
            _ = connection.as_mut() => return,
            // A peer that takes no data, and only keeps the connection alive, must not keep it.
            () = ended(end_at) => return,
            () = stop.given(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(limits.idle) => {
                if !stopping && streams.are_quiet(seen) {
                    stopping = true;
                    end_at = Some(Instant::now() + limits.write);
                    connection.as_mut().graceful_shutdown();
                }
                seen = streams.opened();
            }
        }
    }
}

/// Waits for the end of a connection that was told to end; for ever if it was not.
async fn ended(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
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

/// What a client may send of one body before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a client may send of all bodies before they are read.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What is kept of one answer that a client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
