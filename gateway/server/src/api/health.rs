//! Whether the gateway lives, and whether it takes events.

use std::sync::atomic::{AtomicBool, Ordering};

use super::reply::Reply;

/// Whether the gateway takes events; asked by load balancers at `/readyz`.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    /// From now on it does.
    pub fn ready(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// From now on it does not: the gateway is stopping.
    pub fn stopping(&self) {
        self.0.store(false, Ordering::Release);
    }

    fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// `GET /healthz`: the process answers.
pub(super) fn healthz() -> Reply {
    Reply::text(200, "text/plain; charset=utf-8", "ok\n".to_owned())
}

/// `GET /readyz`: it takes events, and its store can make them durable.
pub(super) fn readyz(readiness: &Readiness, store_poisoned: bool) -> Reply {
    if store_poisoned {
        let why = "a flush of the store failed: nothing can be made durable until a restart";
        return Reply::problem(503, "store_unavailable", why);
    }
    if !readiness.is_ready() {
        return Reply::problem(503, "stopping", "the gateway is starting or stopping");
    }
    Reply::text(200, "text/plain; charset=utf-8", "ready\n".to_owned())
}
