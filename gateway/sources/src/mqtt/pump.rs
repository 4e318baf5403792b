//! Takes events of a queue for one client that has subscribed to `$queue/NAME`, and settles them by
//! what the client answers. Never takes more than the client may have unanswered, and never loses
//! an event for the want of room: what finds none yet is held here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::SETTLE_BATCH_MAX;
use sluicegate_core::queue::{Consumed, LeaseReceipt, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::leased::message;
use super::message::{Fate, Lease, Parcel};
use super::seat::Seat;
use super::session::Link;
use super::subscribing::TakesFrom;

/// A pump that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Pump([JoinHandle<()>; 2]);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Pump {
    /// Takes events for a connection of a client.
    pub(crate) fn start(
        engine: &Arc<dyn Engine>,
        seat: &Arc<Seat>,
        link: &Link,
        from: TakesFrom,
    ) -> Self {
        let most = usize::from(link.window.max(1));
        let out = Arc::new(Out {
            engine: Arc::clone(engine),
            queue: from.queue.clone(),
            window: Semaphore::new(most),
            settled: Notify::new(),
            open: Mutex::default(),
        });
        let (sender, told) = mpsc::channel(most);
        tokio::spawn(Arc::clone(&out).settle(told));
        let of = Arc::clone(&out);
        let tell = move |receipt: LeaseReceipt, fate: Fate| {
            of.lock().remove(&receipt);
            // There is room: as many can be told of as the window has. A settler that is gone has
            // lost its store; the lease runs out.
            let _ = sender.try_send((receipt, fate));
        };
        let hose = Hose {
            seat: Arc::clone(seat),
            link: link.number,
            packet_bytes_max: link.packet_bytes_max,
            from,
            tell: Arc::new(tell),
            out: Arc::clone(&out),
        };
        Self([tokio::spawn(hose.run()), tokio::spawn(out.hold())])
    }
}

/// What is out with one client.
struct Out {
    engine: Arc<dyn Engine>,
    queue: QueueName,
    /// How many more may be.
    window: Semaphore,
    /// Something was settled.
    settled: Notify,
    /// What is.
    open: Mutex<HashSet<LeaseReceipt>>,
}

struct Hose {
    seat: Arc<Seat>,
    link: u64,
    packet_bytes_max: usize,
    from: TakesFrom,
    tell: Arc<dyn Fn(LeaseReceipt, Fate) + Send + Sync>,
    out: Arc<Out>,
}

impl Hose {
    async fn run(self) {
        let out = Arc::clone(&self.out);
        loop {
            let Ok(first) = out.window.acquire().await else { return };
            first.forget();
            let more = out.window.forget_permits(AT_ONCE - 1);
            let ask = Ask { max: 1 + more, wait: WAIT, lease: LEASE };
            let consumed = match out.engine.receive(&out.queue, ask).await {
                Ok(consumed) => consumed,
                Err(fault) => {
                    let (queue, code) = (&out.queue, fault.code());
                    tracing::info!(%queue, code, "a subscription to a queue ended");
                    return;
                }
            };
            out.window.add_permits((1 + more).saturating_sub(consumed.len()));
            let parcels: Vec<_> = consumed.into_iter().filter_map(|one| self.parcel(one)).collect();
            for parcel in parcels {
                if !self.hand_on(parcel).await {
                    return;
                }
            }
        }
    }

    /// An event as it is sent; `None` for one that the client does not take.
    fn parcel(&self, consumed: Consumed) -> Option<Parcel> {
        self.out.lock().insert(consumed.receipt.clone());
        let lease = Lease::new(consumed.receipt, Arc::clone(&self.tell));
        let message = Arc::new(message(&self.from, &consumed.event));
        let (qos, ids) = (self.from.grant.options.qos, self.from.grant.id.into_iter());
        let ids: Vec<_> = ids.collect();
        if message.packet_len_max(ids.len()) > self.packet_bytes_max {
            let (queue, event) = (&self.out.queue, consumed.event.id);
            tracing::warn!(%queue, %event, "an event is larger than a client takes");
            lease.too_large();
            return None;
        }
        Some(Parcel { lease: Some(lease), ..Parcel::new(message, qos, false, ids) })
    }

    /// Lets an event wait for the client, once there is room. `false`: the client has left.
    async fn hand_on(&self, mut parcel: Parcel) -> bool {
        loop {
            let settled = self.out.settled.notified();
            {
                let mut held = self.seat.lock();
                if held.session.link != Some(self.link) {
                    return false;
                }
                parcel.set_offered(true);
                let room = held.session.out.offer(parcel);
                drop(held);
                match room {
                    Ok(()) => break,
                    Err(back) => parcel = back,
                }
            }
            parcel.set_offered(false);
            // What is in front of it may also be something else than an event: look again soon.
            let _ = timeout(LOOK_AGAIN, settled).await;
        }
        self.seat.wake();
        true
    }
}

impl Out {
    /// Tells the queue what became of its events.
    async fn settle(self: Arc<Self>, mut told: mpsc::Receiver<(LeaseReceipt, Fate)>) {
        while let Some(first) = told.recv().await {
            let mut settlements = vec![settlement(first)];
            while settlements.len() < SETTLE_BATCH_MAX
                && let Ok(next) = told.try_recv()
            {
                settlements.push(settlement(next));
            }
            let count = settlements.len();
            if let Err(fault) = self.engine.settle(&self.queue, settlements).await {
                let (queue, code) = (&self.queue, fault.code());
                tracing::warn!(%queue, code, "answers of clients were not settled: leases run out");
            }
            self.window.add_permits(count);
            self.settled.notify_waiters();
        }
    }

    /// Holds the leases of what a client that is there has not answered.
    async fn hold(self: Arc<Self>) {
        let mut tick = interval_at(Instant::now() + LEASE / 3, LEASE / 3);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let extend = |receipt| Settlement { receipt, verb: Verb::Extend { lease: LEASE } };
            let open: Vec<_> = self.lock().iter().cloned().map(extend).collect();
            if open.is_empty() {
                continue;
            }
            // One that was answered meanwhile is refused: it needs no lease.
            if let Err(fault) = self.engine.settle(&self.queue, open).await {
                let (queue, code) = (&self.queue, fault.code());
                tracing::warn!(%queue, code, "leases of clients were not extended");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<LeaseReceipt>> {
        // Nothing panics while the lock is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settlement((receipt, fate): (LeaseReceipt, Fate)) -> Settlement {
    let nack = |delay, reason: &str| Verb::Nack { delay, reason: reason.to_owned() };
    let verb = match fate {
        Fate::Done => Verb::Ack,
        Fate::Back => nack(Some(Duration::ZERO), "client left without an answer"),
        Fate::Unsent => nack(Some(UNSENT_WAIT), "client left before it was sent"),
        // By the backoff of the queue, and to its dead letters in the end.
        Fate::TooLarge => nack(None, "larger than the largest packet that the client takes"),
    };
    Settlement { receipt, verb }
}

/// Events that are taken together. They may be large, and wait here until there is room.
const AT_ONCE: usize = 16;

/// How long one look into an empty queue waits.
const WAIT: Duration = Duration::from_secs(20);

/// An event that found no room looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An event that could not be sent to a client that left waits so long, so that a client that comes
/// and goes does not use up its attempts at once.
const UNSENT_WAIT: Duration = Duration::from_secs(1);

/// Extended while the client is there. One that leaves gives its events back; those of a gateway
/// that dies come back with its next start.
const LEASE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
