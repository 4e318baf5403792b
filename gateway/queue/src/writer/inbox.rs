//! Where the writer leaves what is durable for the owner of a queue: once for a batch, never
//! waiting for the owner.

use std::sync::{Mutex, PoisonError};

use sluicegate_core::queue::Item;
use tokio::sync::Notify;

/// The inbox of one queue.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    items: Mutex<Vec<Item>>,
    came: Notify,
}

impl Inbox {
    /// Leaves items; `items` is empty afterwards.
    pub(crate) fn leave(&self, items: &mut Vec<Item>) {
        let mut inbox = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.is_empty() {
            std::mem::swap(&mut *inbox, items);
        } else {
            inbox.append(items);
        }
        drop(inbox);
        self.came.notify_one();
    }

    /// Waits until something may have come.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes what came.
    pub(crate) fn take(&self) -> Vec<Item> {
        std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
