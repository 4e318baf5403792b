//! Keeps the consumer of one queue going on one connection: a channel that the broker closed, or a
//! queue that is not there, is tried again, and the other queues do not notice.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::consumer::{Consumer, End};
use crate::amqp::link::Link;
use crate::amqp::source::{STEADY, WAITS, pause, stopped};
use crate::amqp::state::{Cause, Standing};

impl Consumer {
    /// Consumes until the gateway stops, or the connection is gone: then it says why. `lost` says
    /// that it is gone.
    pub(crate) async fn keep(
        self: Arc<Self>,
        link: Arc<Link>,
        mut stop: watch::Receiver<bool>,
        mut lost: watch::Receiver<bool>,
    ) -> Option<(Cause, String)> {
        let mut failed = 0_u32;
        loop {
            let since = Instant::now();
            let (cause, why) = match self.run(&link, &mut stop).await {
                End::Stopped => return None,
                End::Interrupted(cause, why) => (cause, why),
            };
            if *stop.borrow() {
                return None;
            }
            if cause == Cause::Connection || !link.connection.status().connected() {
                return Some((Cause::Connection, why));
            }
            failed = if since.elapsed() > STEADY { 1 } else { failed.saturating_add(1) };
            let wait = WAITS.wait(failed, self.random());
            self.interrupted(cause);
            let standing = match cause {
                Cause::Topology | Cause::Cancelled => Standing::NoQueue,
                _ => Standing::Connecting,
            };
            self.stand(standing, &why);
            let (source, queue) = (self.source(), self.queue());
            let again_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(%source, queue, cause = cause.word(), %why, again_ms, "not consuming");
            tokio::select! {
                is_stopping = pause(wait, &mut stop) => if is_stopping { return None; },
                // The others must not wait with a new connection until this one looks again.
                () = stopped(&mut lost) => {
                    return Some((Cause::Connection, "connection was lost".to_owned()));
                }
            }
        }
    }
}
