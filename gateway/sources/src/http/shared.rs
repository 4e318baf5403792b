//! What all connections of one listener share: limits, the handler, counts of what is in flight.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sluicegate_core::refusal::Refusal;
use tokio::sync::watch;

use super::limits::HttpLimits;
use super::message::{Handler, Request, Response};
use super::metrics::HttpMetrics;

/// Shared by all connections of one listener.
pub(crate) struct Shared {
    pub(crate) limits: HttpLimits,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) metrics: Arc<HttpMetrics>,
    pub(crate) stopping: AtomicBool,
    requests: Arc<AtomicUsize>,
    body_bytes: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(
        limits: HttpLimits,
        handler: Arc<dyn Handler>,
        metrics: Arc<HttpMetrics>,
    ) -> Self {
        let stopping = AtomicBool::new(false);
        Self {
            limits,
            handler,
            metrics,
            stopping,
            requests: Arc::default(),
            body_bytes: Arc::default(),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The handler's answer to a whole request, or 503 if it has enough to do.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        let mut held = Held::new(&self.requests, self.limits.requests_in_flight_max);
        if held.hold(1).is_err() {
            return Response::from(&overloaded("requests in flight"));
        }
        self.metrics.body_bytes.add(request.body.len() as u64);
        self.handler.handle(request).await
    }

    /// Nothing held yet of the bytes that bodies may take.
    pub(crate) fn body_bytes(&self) -> Held {
        Held::new(&self.body_bytes, self.limits.body_bytes_in_flight_max)
    }
}

/// A share of a count that has a bound; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    count: Arc<AtomicUsize>,
    max: usize,
    held: usize,
}

impl Held {
    fn new(count: &Arc<AtomicUsize>, max: usize) -> Self {
        Self { count: Arc::clone(count), max, held: 0 }
    }

    /// Holds `amount` in all, if it held less.
    pub(crate) fn hold(&mut self, amount: usize) -> Result<(), Refusal> {
        let more = amount.saturating_sub(self.held);
        if more == 0 {
            return Ok(());
        }
        let before = self.count.fetch_add(more, Ordering::Relaxed);
        self.held += more;
        if before.saturating_add(more) > self.max {
            return Err(overloaded("bytes of bodies"));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// A bound is reached; a second is long enough for most of what is in flight to be gone.
pub(crate) fn overloaded(what: &'static str) -> Refusal {
    Refusal::Overloaded { what, retry_after: Duration::from_secs(1) }
}

/// The stop signal as one connection waits for it, over and over.
pub(crate) struct Stop(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Stop {
    pub(crate) fn new(mut signal: watch::Receiver<bool>) -> Self {
        Self(Some(Box::pin(async move {
            // A sender that is gone can never say stop again: that is a stop.
            let _ = signal.wait_for(|stop| *stop).await;
        })))
    }

    /// Returns once the signal was given, and at once ever after.
    pub(crate) async fn given(&mut self) {
        std::future::poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wait) = &mut self.0 else { return Poll::Ready(()) };
        let poll = wait.as_mut().poll(cx);
        if poll.is_ready() {
            self.0 = None;
        }
        poll
    }
}
