//! Messages that are kept in the engine for sessions that outlive their connections: which of them
//! are still needed, and what is to be deleted.
//!
//! One commit holds the message and its recipients. A [`Share`] is the part of one recipient: when
//! it is dropped, the recipient needs the message no more, and with the last share the message
//! goes. Deleting waits for nobody and nobody waits for it: what a crash keeps back is handed out
//! once more.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_core::state::{Value, Write};
use tokio::sync::Notify;

/// What is to be written down, and how much is kept.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: WaitingLimits,
    writes: Mutex<Vec<(Arc<str>, Write)>>,
    /// There is something to write down.
    pub(crate) due: Notify,
    next: AtomicU64,
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// How much may be kept, of all sessions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitingLimits {
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
}

/// A message that is kept in the engine.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) number: u64,
    ledger: Arc<Ledger>,
    weight: usize,
    shares: AtomicU32,
    /// Its commit is durable: there is something to delete.
    laid: AtomicBool,
}

/// The part of one recipient in a message that is kept.
#[derive(Debug)]
pub(crate) struct Share {
    stored: Arc<Stored>,
    index: u32,
    /// The packet id that the message has for this recipient, where it is of QoS 2: a client must
    /// find the same id after a crash, and no other message under it.
    pub(crate) id: Option<NonZeroU16>,
}

impl Ledger {
    pub(crate) fn new(limits: WaitingLimits) -> Self {
        Self {
            limits,
            writes: Mutex::default(),
            due: Notify::new(),
            next: AtomicU64::new(1),
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// A number that nothing else has. Numbers grow.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Numbers begin after this one, which is taken.
    pub(crate) fn number_after(&self, taken: u64) {
        self.next.fetch_max(taken.saturating_add(1), Ordering::Relaxed);
    }

    /// A message that is to be kept; `None` if there is no room.
    pub(crate) fn store(self: &Arc<Self>, weight: usize) -> Option<Arc<Stored>> {
        let full = self.messages.load(Ordering::Relaxed) >= self.limits.messages_max
            || self.bytes.load(Ordering::Relaxed).saturating_add(weight) > self.limits.bytes_max;
        (!full).then(|| self.stored(self.number(), weight))
    }

    /// A message that was kept before the process began.
    pub(crate) fn found(self: &Arc<Self>, number: u64, weight: usize) -> Arc<Stored> {
        self.number_after(number);
        let stored = self.stored(number, weight);
        stored.laid();
        stored
    }

    fn stored(self: &Arc<Self>, number: u64, weight: usize) -> Arc<Stored> {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        let (shares, laid) = (AtomicU32::new(0), AtomicBool::new(false));
        Arc::new(Stored { number, ledger: Arc::clone(self), weight, shares, laid })
    }

    /// Something is to be deleted.
    pub(crate) fn delete(&self, key: impl Into<Arc<str>>) {
        self.lock().push((key.into(), Write::Delete));
        self.due.notify_one();
    }

    /// The oldest of what is to be written down.
    pub(crate) fn take(&self) -> Vec<(Arc<str>, Write)> {
        let mut writes = self.lock();
        let count = writes.len().min(BATCH_MAX);
        writes.drain(..count).collect()
    }

    /// What could not be written down now.
    pub(crate) fn put_back(&self, batch: Vec<(Arc<str>, Write)>) {
        self.lock().splice(0..0, batch);
    }

    /// Messages that are kept.
    pub(crate) fn len(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<str>, Write)>> {
        // Nothing panics while the lock is held.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    /// The part of one more recipient, which is the next in the list of them.
    pub(crate) fn share(self: &Arc<Self>, id: Option<NonZeroU16>) -> Share {
        let index = self.shares.fetch_add(1, Ordering::Relaxed);
        Share { stored: Arc::clone(self), index, id }
    }

    /// It is durable.
    pub(crate) fn laid(&self) {
        self.laid.store(true, Ordering::Relaxed);
    }

    /// Its key.
    pub(crate) fn key(&self) -> Arc<str> {
        format!("m/{:016x}", self.number).into()
    }

    fn is_laid(&self) -> bool {
        self.laid.load(Ordering::Relaxed)
    }
}

impl Share {
    /// The write that says that this recipient has its part.
    pub(crate) fn done(&self) -> (Arc<str>, Write) {
        (done_key(self.stored.number, self.index), nothing())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A message for one recipient goes with its only share.
        if self.stored.is_laid() && self.stored.shares.load(Ordering::Relaxed) > 1 {
            self.stored.ledger.lock().push(self.done());
            self.stored.ledger.due.notify_one();
        }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.ledger.messages.fetch_sub(1, Ordering::Relaxed);
        self.ledger.bytes.fetch_sub(self.weight, Ordering::Relaxed);
        if !self.is_laid() {
            return;
        }
        self.ledger.delete(self.key());
        for index in 0..self.shares.load(Ordering::Relaxed) {
            self.ledger.delete(done_key(self.number, index));
        }
    }
}

/// The key that says that one recipient of a message has its part.
pub(crate) fn done_key(number: u64, index: u32) -> Arc<str> {
    format!("d/{number:016x}/{index}").into()
}

/// A value that says no more than that its key is there.
pub(crate) fn nothing() -> Write {
    Write::Set(Value { bytes: bytes::Bytes::new(), expires_at: None })
}

/// Writes of one commit.
const BATCH_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(messages_max: usize) -> Arc<Ledger> {
        Arc::new(Ledger::new(WaitingLimits { messages_max, bytes_max: 1000 }))
    }

    #[test]
    fn a_message_is_deleted_with_its_last_share_and_not_before() {
        let ledger = ledger(10);
        let stored = ledger.store(10).unwrap();
        let shares = [stored.share(None), stored.share(None)];
        stored.laid();
        let key = stored.key();
        drop(stored);
        let [first, second] = shares;
        drop(first);
        let writes = ledger.take();
        assert_eq!(writes, [(done_key(1, 0), nothing())]);
        drop(second);
        let last: std::collections::BTreeMap<_, _> = ledger.take().into_iter().collect();
        let all = [(key, Write::Delete)].into_iter();
        let all = all.chain([0, 1].map(|index| (done_key(1, index), Write::Delete)));
        assert_eq!(last, all.collect());
        assert_eq!(ledger.len(), 0);
    }

    #[test]
    fn what_never_became_durable_is_not_deleted() {
        let ledger = ledger(10);
        let stored = ledger.store(10).unwrap();
        drop(stored.share(None));
        drop(stored);
        assert_eq!(ledger.take(), []);
    }

    #[test]
    fn more_than_the_bounds_is_not_kept() {
        let ledger = ledger(2);
        let (_one, _two) = (ledger.store(10).unwrap(), ledger.store(10).unwrap());
        assert!(ledger.store(10).is_none());
        drop(_one);
        assert!(ledger.store(991).is_none());
        assert!(ledger.store(10).is_some());
    }
}
