//! What is asked of the owner of a queue.

use sluicegate_core::letter::Failure;
use sluicegate_core::queue::{
    Item, Lease, LeaseNumber, Place, Policy, QueueFault, QueueStats, Settled, Verb, View,
};
use sluicegate_core::seams::Ask;
use tokio::sync::oneshot;

/// What is asked of the owner.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A consumer wants events. The number is one of the room's.
    Ask { ask: u64, terms: Ask, to: Reply<Vec<Lease>> },
    /// A consumer settles leases; `None` where the receipt is not one of this queue's.
    Settle { settlements: Vec<(Option<LeaseNumber>, Verb)>, to: Reply<Vec<Settled>> },
    /// The events of these leases are damaged.
    Lost(Vec<LeaseNumber>),
    /// The events of these leases cannot be read now, for these reasons.
    Unread(Vec<(LeaseNumber, String)>),
    /// These leases never reached a consumer.
    Returned(Vec<LeaseNumber>),
    /// Dead letters are wanted back.
    Redrive { items: Vec<Item>, to: Reply<u64> },
    /// These events are done with, though no consumer had them.
    Discard { items: Vec<Item>, to: Reply<u64> },
    /// All that is here is to be dropped.
    Purge { to: Reply<u64> },
    /// Events are treated in another way from now on.
    Policy(Policy),
    /// What lies here, after this id.
    View { after: Place, held_max: usize, to: oneshot::Sender<Seen> },
    /// The numbers.
    Stats { to: oneshot::Sender<QueueStats> },
}

/// What lies in a queue.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) view: View,
    /// The last failed attempts of each of the view's held events.
    pub(crate) failures: Vec<Vec<Failure>>,
}

/// Where an answer goes.
pub(crate) struct Reply<T>(pub(crate) oneshot::Sender<Result<T, QueueFault>>);

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}
