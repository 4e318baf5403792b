//! Whether the gateway lives, and whether it takes events.

use serde_json::{Value, json};
use sluicegate_queue::StoreMetrics;
use sluicegate_sources::http::Response;
use tokio::sync::watch;

use super::exposition::Brokers;
use super::reply;

/// Whether the gateway serves; asked by load balancers at `/readyz`.
#[derive(Debug)]
pub struct Readiness(watch::Sender<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    Stopping,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(watch::Sender::new(State::Starting))
    }
}

impl Readiness {
    /// From now on it does.
    pub fn ready(&self) {
        self.0.send_replace(State::Ready);
    }

    /// From now on it does not: the gateway is stopping.
    pub fn stopping(&self) {
        self.0.send_replace(State::Stopping);
    }

    /// Waits until the gateway is stopping.
    pub(super) async fn stopped(&self) {
        let mut state = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| *state == State::Stopping).await;
    }

    fn is_ready(&self) -> bool {
        *self.0.borrow() == State::Ready
    }
}

/// `GET /healthz`: the process answers, and need not be restarted.
pub(super) fn healthz(store: &StoreMetrics) -> Response {
    if store.poisoned { failed() } else { reply::text(PLAIN, "ok\n".to_owned()) }
}

/// `GET /readyz`: whether anybody is served.
///
/// A full disk is told as `degraded`, with 200: consumers are served, and must be, since it is they
/// who make room. A balancer that took the gateway out for it would keep the disk full.
///
/// A broker that is away is told as `degraded` too: the rest is served, and a balancer could not
/// bring it back.
pub(super) fn readyz(readiness: &Readiness, store: &StoreMetrics, brokers: &Brokers) -> Response {
    if let Some(reply) = not_ready(readiness, store) {
        return reply;
    }
    let disk = store.disk_full.then(|| (DISK_FULL, DISK_FULL_DETAIL.to_owned()));
    let reasons: Vec<Value> = disk
        .into_iter()
        .chain(brokers.degraded())
        .map(|(code, detail)| json!({ "code": code, "detail": detail }))
        .collect();
    let status = if reasons.is_empty() { "ready" } else { "degraded" };
    reply::json(&json!({ "status": status, "reasons": reasons }))
}

/// `GET /readyz/senders`: whether events are taken. For the balancer in front of the webhook
/// listener: another gateway may have room where this one has none.
pub(super) fn for_senders(
    readiness: &Readiness,
    store: &StoreMetrics,
    brokers: &Brokers,
) -> Response {
    if store.disk_full {
        return reply::problem(503, "disk_full", DISK_FULL_DETAIL);
    }
    readyz(readiness, store, brokers)
}

fn not_ready(readiness: &Readiness, store: &StoreMetrics) -> Option<Response> {
    if store.poisoned {
        return Some(failed());
    }
    let why = "the gateway is starting or stopping";
    (!readiness.is_ready()).then(|| reply::problem(503, "stopping", why))
}

fn failed() -> Response {
    let why = "a flush of the store failed: nothing can be made durable until a restart";
    reply::problem(503, "store_unavailable", why)
}

const PLAIN: &str = "text/plain; charset=utf-8";

const DISK_FULL: &str = "disk_full";

const DISK_FULL_DETAIL: &str = "the disk has less free space than limits.free_disk_min: events are \
                                refused; consumers are served";
