//! The postman: a task that gives receipts to the producers that wait for them.
//!
//! A flush frees all producers of a batch. If the writer woke each itself, every one would cross
//! into the runtime from outside: a lock, and often a system call. So it wakes this task once, and
//! the rest is done inside, where a wake-up is a push onto the worker's own queue. Measured with
//! 64 producers: see `examples/commit_rate.rs`.

use std::sync::Arc;

use sluicegate_core::proof::Receipt;
use sluicegate_core::refusal::Refusal;
use tokio::sync::oneshot;

use super::inbox::Inbox;

/// A receipt, and who waits for it.
pub(crate) type Post = (oneshot::Sender<Result<Receipt, Refusal>>, Receipt);

/// Delivers as long as the store lives.
pub(crate) async fn run(inbox: Arc<Inbox<Post>>) {
    loop {
        inbox.came().await;
        deliver(&inbox);
    }
}

/// Delivers what lies there.
pub(crate) fn deliver(inbox: &Inbox<Post>) {
    for (ticket, receipt) in inbox.take() {
        // Who no longer waits needs no answer; the event is stored all the same.
        let _ = ticket.send(Ok(receipt));
    }
}
