//! Where the writer leaves things for a task: once for a batch, never waiting for the task.

use std::sync::{Mutex, PoisonError};

use sluicegate_core::queue::Item;
use tokio::sync::Notify;

/// What the writer leaves for the owner of a queue.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// An event came, and is durable.
    Item(Item),
    /// What came before this is in the checkpoint that begins, what comes after it is not.
    Checkpoint,
}

/// The inbox of a task.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    items: Mutex<Vec<T>>,
    came: Notify,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), came: Notify::new() }
    }
}

impl<T> Inbox<T> {
    /// Leaves items, and wakes the task; `items` is empty afterwards.
    pub(crate) fn leave(&self, items: &mut Vec<T>) {
        self.leave_quietly(items);
        self.wake();
    }

    /// Wakes the task.
    pub(crate) fn wake(&self) {
        self.came.notify_one();
    }

    /// Leaves items; `items` is empty afterwards.
    pub(crate) fn leave_quietly(&self, items: &mut Vec<T>) {
        let mut inbox = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.is_empty() {
            std::mem::swap(&mut *inbox, items);
        } else {
            inbox.append(items);
        }
    }

    /// Waits until something may have come.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes what came.
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
