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

/// What a store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Everything.
    Sound,
    /// It takes no events for want of space; consumers are served.
    Full,
    /// Nothing, until a restart.
    Failed,
}

/// `GET /healthz`: the process answers, and need not be restarted.
pub(super) fn healthz(storage: Storage) -> Response {
    match storage {
        Storage::Failed => failed(),
        Storage::Sound | Storage::Full => reply::text(PLAIN, "ok\n".to_owned()),
    }
}

/// `GET /readyz`: it answers senders and consumers. With a full disk it does: consumers are what
/// empties it, and senders are told when to come again.
pub(super) fn readyz(readiness: &Readiness, storage: Storage) -> Response {
    if storage == Storage::Failed {
        return failed();
    }
    if !readiness.is_ready() {
        return reply::problem(503, "stopping", "the gateway is starting or stopping");
    }
    let text = match storage {
        Storage::Full => "ready, but the disk is full: events are refused, consumers are served\n",
        Storage::Sound | Storage::Failed => "ready\n",
    };
    reply::text(PLAIN, text.to_owned())
}

fn failed() -> Response {
    let why = "a flush of the store failed: nothing can be made durable until a restart";
    reply::problem(503, "store_unavailable", why)
}

const PLAIN: &str = "text/plain; charset=utf-8";
