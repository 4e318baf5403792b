//! What is laid on the writer's desk: an encoded entry, and who waits for it.

use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::proof::Receipt;
use sluicegate_core::queue::{
    Change, Item, Lease, Place, QueueFault, QueueNumber, Settled, SourceTag,
};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Uncommitted;
use sluicegate_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::claim::Claim;
use crate::dedupe::KeyHash;
use crate::format::commit::Placed;
use crate::owner::Mail;

/// What the writer is to do.
#[derive(Debug)]
pub(crate) enum Work {
    Commit(CommitWork),
    Changes(ChangesWork),
    Again(AgainWork),
    Names(NamesWork),
    Mark(MarkWork),
    Lookup(LookupWork),
    /// A question: where is the end of the log?
    End(oneshot::Sender<Place>),
    /// A question: is all that was laid down before this in the log? `false` if some of it waits
    /// for room.
    Settled(oneshot::Sender<bool>),
    /// A queue is held from now on. Answered when no deletion is under way that was decided before.
    Spare(oneshot::Sender<()>),
    /// Entries that could not be read: their bytes are to be set aside.
    SetAside(Vec<Place>),
}

/// A commit.
#[derive(Debug)]
pub(crate) struct CommitWork {
    pub(crate) frame: Vec<u8>,
    pub(crate) key: Option<KeyHash>,
    pub(crate) event: EventId,
    pub(crate) source: SourceTag,
    pub(crate) received_at: Timestamp,
    /// Every event in every queue; room for them is reserved.
    pub(crate) placed: Vec<Placed>,
    /// What it claims of the state, if its filters read or wrote any.
    pub(crate) claim: Option<Claim>,
    pub(crate) ticket: oneshot::Sender<Result<Receipt, Uncommitted>>,
}

/// What happened to events of one queue.
#[derive(Debug)]
pub(crate) struct ChangesWork {
    pub(crate) frame: Vec<u8>,
    pub(crate) queue: QueueNumber,
    pub(crate) changes: Vec<Change>,
    pub(crate) answer: Answer,
}

/// Events of the past to be placed once more.
#[derive(Debug)]
pub(crate) struct AgainWork {
    pub(crate) frame: Vec<u8>,
    pub(crate) items: Vec<(QueueNumber, Item)>,
    pub(crate) ticket: oneshot::Sender<Result<(), QueueFault>>,
}

/// There are more queues, or their names were changed.
#[derive(Debug)]
pub(crate) struct NamesWork {
    pub(crate) names: Vec<QueueName>,
    pub(crate) frame: Vec<u8>,
    pub(crate) ticket: oneshot::Sender<Result<(), QueueFault>>,
}

/// A queue as a checkpoint keeps it. What lies before it on the desk is in it.
#[derive(Debug)]
pub(crate) struct MarkWork {
    pub(crate) queue: QueueNumber,
    pub(crate) frame: Vec<u8>,
}

/// A question: which event had this key first?
#[derive(Debug)]
pub(crate) struct LookupWork {
    pub(crate) key: KeyHash,
    pub(crate) ticket: oneshot::Sender<Option<EventId>>,
}

/// Who waits for changes, and for what.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Waits until the attempts are written, not for the flush: they must outlive the process,
    /// for an event that kills it, and a power cut gives the event an attempt more at worst.
    HandOut {
        leases: Vec<Lease>,
        to: oneshot::Sender<Result<Vec<Lease>, QueueFault>>,
        /// Where leases go back to that the consumer did not wait for.
        back: mpsc::WeakSender<Mail>,
    },
    /// Waits until the settlements are durable.
    Settled { settled: Vec<Settled>, to: oneshot::Sender<Result<Vec<Settled>, QueueFault>> },
    /// Waits until the moves or drops are durable.
    Counted { count: u64, to: oneshot::Sender<Result<u64, QueueFault>> },
    /// Nobody waits.
    Nobody,
}

impl Work {
    /// The entry, if it is one.
    pub(crate) fn frame(&self) -> &[u8] {
        match self {
            Self::Commit(work) => &work.frame,
            Self::Changes(work) => &work.frame,
            Self::Again(work) => &work.frame,
            Self::Names(work) => &work.frame,
            Self::Mark(_)
            | Self::Lookup(_)
            | Self::End(_)
            | Self::Settled(_)
            | Self::Spare(_)
            | Self::SetAside(_) => &[],
        }
    }

    /// What is to be sealed on its way to the log: all that holds payloads or reasons. Names stay
    /// plain.
    pub(super) fn frame_mut(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Commit(work) => Some(&mut work.frame),
            Self::Changes(work) => Some(&mut work.frame),
            Self::Again(work) => Some(&mut work.frame),
            Self::Mark(work) => Some(&mut work.frame),
            Self::Names(_)
            | Self::Lookup(_)
            | Self::End(_)
            | Self::Settled(_)
            | Self::Spare(_)
            | Self::SetAside(_) => None,
        }
    }

    /// Whether the work must be durable before it is answered.
    pub(crate) fn needs_flush(&self) -> bool {
        match self {
            Self::Commit(_) | Self::Again(_) | Self::Names(_) => true,
            Self::Changes(work) => !matches!(work.answer, Answer::HandOut { .. }),
            Self::Mark(_)
            | Self::Lookup(_)
            | Self::End(_)
            | Self::Settled(_)
            | Self::Spare(_)
            | Self::SetAside(_) => false,
        }
    }

    /// Tells who waits that it failed.
    pub(crate) fn refuse(self, what: &'static str) {
        let fault = QueueFault::StoreUnavailable { what };
        // Who no longer waits needs no answer: that is why every result here is dropped.
        match self {
            Self::Commit(work) => {
                drop(work.ticket.send(Err(Refusal::StoreUnavailable { what }.into())));
            }
            Self::Changes(work) => work.answer.refuse(fault),
            Self::Again(work) => drop(work.ticket.send(Err(fault))),
            Self::Names(work) => drop(work.ticket.send(Err(fault))),
            Self::Mark(_)
            | Self::End(_)
            | Self::Settled(_)
            | Self::Spare(_)
            | Self::SetAside(_) => {}
            Self::Lookup(work) => drop(work.ticket.send(None)),
        }
    }
}

impl Answer {
    /// Gives the answer.
    pub(crate) fn give(self) {
        // Who no longer waits needs no answer, but for leases: those go back.
        match self {
            Self::HandOut { leases, to, back } => {
                if let Err(Ok(leases)) = to.send(Ok(leases)) {
                    give_back(&back, &leases);
                }
            }
            Self::Settled { settled, to } => drop(to.send(Ok(settled))),
            Self::Counted { count, to } => drop(to.send(Ok(count))),
            Self::Nobody => {}
        }
    }

    /// Tells who waits that it failed.
    pub(crate) fn refuse(self, fault: QueueFault) {
        match self {
            Self::HandOut { to, .. } => drop(to.send(Err(fault))),
            Self::Settled { to, .. } => drop(to.send(Err(fault))),
            Self::Counted { to, .. } => drop(to.send(Err(fault))),
            Self::Nobody => {}
        }
    }
}

/// Gives leases back that no consumer holds. If the queue is too busy to be told, they run out.
pub(crate) fn give_back(mail: &mpsc::WeakSender<Mail>, leases: &[Lease]) {
    let numbers: Vec<_> = leases.iter().map(|lease| lease.number).collect();
    if let Some(mail) = mail.upgrade().filter(|_| !numbers.is_empty()) {
        drop(mail.try_send(Mail::Returned(numbers)));
    }
}
