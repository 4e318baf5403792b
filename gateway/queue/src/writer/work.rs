//! What producers lay on the writer's desk: an encoded entry, and who waits for it.

use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Receipt;
use sluicegate_core::queue::{Change, Lease, QueueFault, QueueNumber, Redriven, Settled};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;
use tokio::sync::oneshot;

use crate::dedupe::KeyHash;
use crate::format::commit::Placed;

/// An entry to be made durable.
#[derive(Debug)]
pub(crate) enum Work {
    Commit(CommitWork),
    Changes(ChangesWork),
}

/// A commit.
#[derive(Debug)]
pub(crate) struct CommitWork {
    pub(crate) frame: Vec<u8>,
    pub(crate) key: Option<KeyHash>,
    pub(crate) event: EventId,
    pub(crate) received_at: Timestamp,
    /// Every event in every queue; room for them is reserved.
    pub(crate) placed: Vec<Placed>,
    pub(crate) ticket: oneshot::Sender<Result<Receipt, Refusal>>,
}

/// What happened to events of one queue.
#[derive(Debug)]
pub(crate) struct ChangesWork {
    pub(crate) frame: Vec<u8>,
    pub(crate) queue: QueueNumber,
    pub(crate) changes: Vec<Change>,
    pub(crate) answer: Answer,
}

/// Who waits for changes, and for what.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Waits until the attempts are written, not for the flush: they must outlive the process,
    /// for an event that kills it, and a power cut gives the event an attempt more at worst.
    HandOut { leases: Vec<Lease>, to: oneshot::Sender<Result<Vec<Lease>, QueueFault>> },
    /// Waits until the settlements are durable.
    Settled { settled: Vec<Settled>, to: oneshot::Sender<Result<Vec<Settled>, QueueFault>> },
    /// Waits until the moves are durable.
    Redriven { redriven: Redriven, to: oneshot::Sender<Result<Redriven, QueueFault>> },
    /// Nobody waits.
    Nobody,
}

impl Work {
    pub(crate) fn frame(&self) -> &[u8] {
        match self {
            Self::Commit(work) => &work.frame,
            Self::Changes(work) => &work.frame,
        }
    }

    /// The entry, for what is done to it on its way to the log.
    pub(super) fn frame_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Commit(work) => &mut work.frame,
            Self::Changes(work) => &mut work.frame,
        }
    }

    /// Whether the work needs only to be written.
    pub(crate) fn needs_flush(&self) -> bool {
        !matches!(self, Self::Changes(ChangesWork { answer: Answer::HandOut { .. }, .. }))
    }

    /// Tells who waits that it failed.
    pub(crate) fn refuse(self, what: &'static str) {
        let fault = QueueFault::StoreUnavailable { what };
        // Who no longer waits needs no answer: that is why every result here is dropped.
        match self {
            Self::Commit(work) => {
                let _ = work.ticket.send(Err(Refusal::StoreUnavailable { what }));
            }
            Self::Changes(work) => match work.answer {
                Answer::HandOut { to, .. } => drop(to.send(Err(fault))),
                Answer::Settled { to, .. } => drop(to.send(Err(fault))),
                Answer::Redriven { to, .. } => drop(to.send(Err(fault))),
                Answer::Nobody => {}
            },
        }
    }
}

impl Answer {
    /// Gives the answer. A consumer that went away meanwhile gets nothing: its leases run out.
    pub(crate) fn give(self) {
        match self {
            Self::HandOut { leases, to } => drop(to.send(Ok(leases))),
            Self::Settled { settled, to } => drop(to.send(Ok(settled))),
            Self::Redriven { redriven, to } => drop(to.send(Ok(redriven))),
            Self::Nobody => {}
        }
    }
}
