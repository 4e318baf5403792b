//! Queues that are made, changed and removed while the store runs, as the hall asks for it.

use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Delivery, QueueFault};

use super::Store;
use super::operator::Operator;
use crate::config::{Hold, QueueConfig};
use crate::rooms::Standing;

/// A queue as an operator sees it, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Its configuration as it is in force, with what an operator paused or held; for a queue
    /// that nobody configures, that of one that keeps its events.
    pub config: QueueConfig,
    /// Where it comes from.
    pub origin: QueueOrigin,
}

/// Where a queue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOrigin {
    /// The configuration that the store was opened with.
    Configured,
    /// It was made or changed while the store ran, and is kept in the data folder.
    Made,
    /// It was found in the folder, and nobody configures it.
    Found,
}

/// Whether a queue was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defined {
    /// It was not.
    Created,
    /// It was, and is treated in another way from now on.
    Changed,
}

impl Store {
    /// All queues, by name.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueInfo> {
        let definitions = self.operator.definitions();
        let shown = |room: &Arc<crate::rooms::Room>| room.plan().standing != Standing::Removed;
        let rooms = self.registry.rooms();
        let names = rooms.iter().filter(|room| shown(room)).map(|room| room.name());
        let mut all: Vec<QueueInfo> = names
            .filter(|name| self.registry.find(name).is_some())
            .map(|name| QueueInfo {
                config: definitions.in_force(&name),
                origin: definitions.origin(&name),
            })
            .collect();
        all.sort_by(|one, other| one.config.name.cmp(&other.config.name));
        all
    }

    /// Makes a queue, or treats one in another way from now on. Numbers are held to the bounds of
    /// the house. Durable when this returns: after a restart it is there, unless the configuration
    /// says otherwise of a queue of this name.
    ///
    /// # Errors
    /// When its dead-letter queue is not there, or the store does not take work.
    pub async fn define(&self, config: QueueConfig) -> Result<Defined, QueueFault> {
        self.operate(|operator| async move { operator.define(config).await }).await
    }

    /// Removes a queue that is empty and that no other queue gives its events up to. Its dead
    /// letters count: where they came from must be there for them to go back to. A queue that is
    /// configured comes back, empty, with the next start.
    ///
    /// # Errors
    /// When it is not there, not empty, or in use.
    pub async fn remove(&self, queue: &QueueName) -> Result<(), QueueFault> {
        let queue = queue.clone();
        self.operate(|operator| async move { operator.remove(&queue).await }).await
    }

    /// Pauses or resumes a queue; durable, and stronger than the configuration until it is undone.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn set_delivery(&self, queue: &QueueName, to: Delivery) -> Result<(), QueueFault> {
        let queue = queue.clone();
        let set = |operator: Arc<Operator>| async move {
            operator.set(&queue, |definitions| definitions.set_delivery(&queue, to)).await
        };
        self.operate(set).await
    }

    /// Puts a queue under a legal hold, or lifts it; durable, and stronger than the configuration
    /// until it is undone.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn set_hold(&self, queue: &QueueName, to: Hold) -> Result<(), QueueFault> {
        let queue = queue.clone();
        let set = |operator: Arc<Operator>| async move {
            operator.set(&queue, |definitions| definitions.set_hold(&queue, to)).await
        };
        self.operate(set).await
    }

    /// Lets the operator work to the end, even if the caller goes away meanwhile: what is half
    /// written must not be left so.
    pub(super) async fn operate<T: Send + 'static, W>(
        &self,
        work: impl FnOnce(Arc<Operator>) -> W,
    ) -> Result<T, QueueFault>
    where
        W: Future<Output = Result<T, QueueFault>> + Send + 'static,
    {
        let task = self.operator.opener.runtime.spawn(work(Arc::clone(&self.operator)));
        task.await.unwrap_or(Err(QueueFault::Stopping))
    }
}
