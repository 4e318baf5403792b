//! The place of one client: its session, its will, and who speaks for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_core::time::Timestamp;
use tokio::sync::{Notify, oneshot};

use super::message::Parcel;
use super::metrics::MqttMetrics;
use super::session::{Offered, OutboxLimits, Session};
use super::wire::Publish;

/// The place of one client.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) client: Arc<str>,
    held: Mutex<Held>,
}

/// What lies in a seat.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) session: Session,
    pub(super) will: Option<Will>,
    /// The session ends then, unless the client comes back.
    pub(super) ends_at: Option<Timestamp>,
    pub(super) will_at: Option<Timestamp>,
    /// The session is over: the seat is no longer in the hub.
    pub(super) gone: bool,
    /// It is written down in the memory, with this expiry.
    pub(super) kept: Option<u32>,
    /// The client is too slow for what it wants.
    pub(crate) swamped: bool,
    /// Of the connection that speaks for the client.
    pub(super) wake: Arc<Notify>,
    /// Another connection comes, and waits for the last words of this one: until this is dropped.
    /// A word means that yet another one has come after it.
    pub(super) rival: Option<oneshot::Sender<()>>,
}

/// What is published when a client is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Will {
    pub(crate) publish: Publish,
    pub(crate) client: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    /// Seconds after the loss.
    pub(crate) delay: u32,
    /// What it is written down under, where it is.
    pub(crate) number: Option<u64>,
}

impl Held {
    /// What this connection was to say, the one that has its place now may have to say.
    pub(crate) fn ring_unless(&self, link: u64) {
        if self.session.link != Some(link) {
            self.wake.notify_one();
        }
    }
}

impl Seat {
    pub(super) fn new(client: Arc<str>, limits: OutboxLimits, birth: Timestamp) -> Self {
        let held = Held {
            session: Session::new(limits, birth),
            will: None,
            ends_at: None,
            will_at: None,
            gone: false,
            kept: None,
            swamped: false,
            wake: Arc::default(),
            rival: None,
        };
        Self { client, held: Mutex::new(held) }
    }

    /// Something waits for the client.
    pub(crate) fn wake(&self) {
        self.lock().wake.notify_one();
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while the lock is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a message wait for the client.
    pub(crate) fn offer(&self, parcel: Parcel, metrics: &MqttMetrics) {
        let mut held = self.lock();
        if held.gone {
            return;
        }
        match held.session.offer(parcel) {
            Offered::Waits => {}
            Offered::Away => return,
            Offered::NoRoom { tell } => {
                metrics.overflowed.increment();
                held.swamped |= tell;
            }
        }
        held.wake.notify_one();
    }
}
