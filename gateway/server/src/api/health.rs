//! Whether the gateway lives, and whether it takes events.

use sluicegate_sources::http::Response;
use tokio::sync::watch;

use super::reply;

/// Whether the gateway takes events; asked by load balancers at `/readyz`.
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

/// `GET /healthz`: the process answers.
pub(super) fn healthz() -> Response {
    reply::text("text/plain; charset=utf-8", "ok\n".to_owned())
}

/// `GET /readyz`: it takes events, and its store can make them durable.
pub(super) fn readyz(readiness: &Readiness, store_poisoned: bool) -> Response {
    if store_poisoned {
        let why = "a flush of the store failed: nothing can be made durable until a restart";
        return reply::problem(503, "store_unavailable", why);
    }
    if !readiness.is_ready() {
        return reply::problem(503, "stopping", "the gateway is starting or stopping");
    }
    reply::text("text/plain; charset=utf-8", "ready\n".to_owned())
}
