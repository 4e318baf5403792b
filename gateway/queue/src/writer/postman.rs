//! The postman: a task that gives receipts to the producers that wait for them.
//!
//! A flush frees all producers of a batch. If the writer woke each itself, every one would cross
//! into the runtime from outside: a lock, and often a system call. So it wakes this task once, and
//! the rest is done inside, where a wake-up is a push onto the worker's own queue. Measured with
//! 64 producers: see `bench queue`.

use std::sync::Arc;

use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::seams::Uncommitted;
use tokio::sync::oneshot;

use super::inbox::Inbox;

/// Who waits for a receipt, and of what. It lies here until the entry is durable.
pub(crate) struct Post {
    pub(crate) ticket: oneshot::Sender<Result<Receipt, Uncommitted>>,
    pub(crate) event: EventId,
    pub(crate) repeat: Repeat,
}

impl Post {
    /// Gives the receipt. Called only once the batch was flushed, or the mode asks for no flush.
    pub(crate) fn deliver(self) {
        // Who no longer waits needs no answer; the event is stored all the same.
        let _ = self.ticket.send(Ok(Receipt::assertion(self.event, self.repeat)));
    }
}

/// The receipt of an event that was stored before.
pub(crate) fn receipt(event: EventId, repeat: Repeat) -> Receipt {
    Receipt::assertion(event, repeat)
}

/// Delivers as long as the store lives.
pub(crate) async fn run(inbox: Arc<Inbox<Post>>) {
    loop {
        inbox.came().await;
        deliver(&inbox);
    }
}

/// Delivers what lies there.
pub(crate) fn deliver(inbox: &Inbox<Post>) {
    inbox.take().into_iter().for_each(Post::deliver);
}
