//! The seams: traits where a call must run against an arrow of the architecture, and only there.
//!
//! [`Intake`]: a source calls the hall. [`Engine`]: the hall calls a queue engine. [`StateView`]:
//! filters look at the state that the engine keeps. [`Sink`]: the hall calls a way out. (`Disk`
//! lies inside the queue engine.)

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::Delivery;
use crate::event::Event;
use crate::handshake::Reply;
use crate::ids::QueueName;
use crate::outcome::Outcome;
use crate::proof::{Receipt, Routed};
use crate::queue::{Consumed, QueueFault, QueueStats, Redriven, Settled, Settlement};
use crate::refusal::Refusal;
use crate::state::{Grant, Scope, Seen, Transaction, Usage};
use crate::time::Timestamp;

/// A future that a seam returns: seams are called through `dyn`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a source calls when a delivery is complete.
pub trait Intake: Send + Sync + 'static {
    /// Takes the delivery through the line. Returns once the event is durable, or refused.
    fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>>;

    /// What time it is by the clock that arrivals are stamped with, for a source that keeps a
    /// delivery and tries it again; `None` where nobody asks when it came.
    fn clock(&self) -> Option<Timestamp> {
        None
    }

    /// Whether a request is a handshake, by which a provider asks whether it may send. Asked of
    /// every delivery, so it must be quick.
    fn greets(&self, _delivery: &Delivery) -> bool {
        false
    }

    /// Answers a handshake. Nothing is stored.
    fn greet(&self, _delivery: Delivery) -> Pending<'_, Result<Reply, Refusal>> {
        Box::pin(async { Err(Refusal::WrongMethod) })
    }
}

/// A queue engine: what the hall calls to make events durable and to hand them out.
pub trait Engine: Send + Sync + 'static {
    /// Commits the event with all its placements as one entry. Returns once it is durable.
    fn commit(&self, routed: Routed) -> Pending<'_, Result<Receipt, Refusal>>;

    /// Commits the event, in the same entry with what its filters wrote, if what they read is still
    /// so. When this returns, others see the writes; the future waits until they are durable.
    fn commit_with(
        &self,
        routed: Routed,
        state: Transaction,
    ) -> Pending<'_, Result<Receipt, Uncommitted>>;

    /// Commits state without an event, in the order in which it is called. Returns once it is
    /// durable.
    fn remember(&self, state: Transaction) -> Pending<'_, Result<(), Uncommitted>>;

    /// What is committed of a scope and not expired, by key. For starts: it walks through all keys.
    fn remembered(&self, scope: &Scope) -> Vec<(Arc<str>, Bytes)>;

    /// Leases up to `ask.max` events; waits up to `ask.wait` for the first.
    fn receive<'a>(
        &'a self,
        queue: &'a QueueName,
        ask: Ask,
    ) -> Pending<'a, Result<Vec<Consumed>, QueueFault>>;

    /// Settles leases. Returns once the settlements are durable: one result for each, in order.
    fn settle<'a>(
        &'a self,
        queue: &'a QueueName,
        settlements: Vec<Settlement>,
    ) -> Pending<'a, Result<Vec<Settled>, QueueFault>>;

    /// Moves up to `max` dead letters back to where they came from, with their attempts reset.
    /// `queue` is a dead-letter queue, or a queue whose dead letters lie in one.
    fn redrive<'a>(
        &'a self,
        queue: &'a QueueName,
        max: usize,
    ) -> Pending<'a, Result<Redriven, QueueFault>>;

    /// The state of every queue, by name.
    fn stats(&self) -> Pending<'_, Vec<(QueueName, QueueStats)>>;

    /// Flushes and stops. What was committed stays; later calls are refused.
    fn stop(&self) -> Pending<'_, ()>;
}

/// Why an event with state was not committed. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncommitted {
    /// The sender is told so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What the filters read has changed meanwhile: they must be asked again. No sender hears of
    /// it.
    #[error("state that was read has changed meanwhile")]
    Conflict,
}

/// State as filters see it. Asked while a filter runs, so it must be quick.
pub trait StateView: fmt::Debug + Send + Sync + 'static {
    /// What time it is, for times to live.
    fn now(&self) -> Timestamp;

    /// What is seen of a key at `now`.
    fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen;

    /// Whether a scope may grow by so much.
    fn has_room(&self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool;
}

/// What a consumer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// At most so many events; at least 1.
    pub max: usize,
    /// Wait so long for the first one.
    pub wait: Duration,
    /// Lease each for so long.
    pub lease: Duration,
}

/// A way out: one attempt to hand over a batch.
pub trait Sink: Send + Sync + 'static {
    /// Tries once to hand over each event of the batch: one outcome for each, in order. Never
    /// retries by itself, and never blocks for longer than its own timeout.
    fn deliver<'a>(&'a self, batch: &'a [Attempt]) -> Pending<'a, Vec<Outcome>>;

    /// Waits until an attempt makes sense. Nothing is leased for the sink before: a receiver that
    /// says by itself that it takes nothing for now costs no event an attempt.
    fn ready(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// One event to hand over.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The event.
    pub event: Event,
    /// Which attempt this is, from 1.
    pub number: u32,
}
