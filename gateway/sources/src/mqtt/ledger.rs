//! Messages that are kept in the engine for sessions that outlive their connections: which of them
//! are still needed, how much room they take, and what is to be written down about them.
//!
//! One commit holds the message and its recipients. A [`Share`] is the part of one recipient: when
//! it is dropped, the recipient needs the message no more, and with the last share the message
//! goes. Who has it already is one list for each message, written again and again; deleting and
//! listing wait for nobody and nobody waits for them: what a crash keeps back is handed out once
//! more.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_core::limits::{
    STATE_BYTES_MAX, STATE_KEYS_MAX, STATE_VALUE_BYTES_MAX, STATE_WRITTEN_BYTES_MAX,
};
use sluicegate_core::state::{Value, Write};
use tokio::sync::Notify;

use super::done::Done;
use super::writes::{Batch, Writes};

/// What is kept, and what is to be written down about it.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: WaitingLimits,
    writes: Mutex<Writes>,
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

/// Whom room is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A client that is connected.
    There,
    /// A client that is away. Those have three quarters of the room, so that however many of them
    /// never come back, those who are there are still served from the disk.
    Away,
}

/// A message that is kept in the engine.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) number: u64,
    ledger: Arc<Ledger>,
    /// Of its keys and values.
    bytes: AtomicUsize,
    shares: AtomicU32,
    /// Its commit is durable: there is something to delete.
    laid: AtomicBool,
    done: Mutex<Done>,
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

impl WaitingLimits {
    /// These limits, or what there is room for in the engine.
    pub(crate) fn within_the_engine(self) -> Self {
        let most = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
        Self {
            messages_max: self.messages_max.min(most(STATE_KEYS_MAX) / KEYS_EACH / 2),
            bytes_max: self.bytes_max.min(most(STATE_BYTES_MAX) / 2),
        }
    }
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

    /// A message of so many bytes that is to be kept; `None` if there is no room.
    pub(crate) fn store(self: &Arc<Self>, bytes: usize, whose: For) -> Option<Arc<Stored>> {
        let bytes = bytes.saturating_add(KEYS_BYTES);
        let messages = self.messages.load(Ordering::Relaxed);
        let full = messages >= whose.part_of(self.limits.messages_max)
            || bytes >= STATE_VALUE_BYTES_MAX
            || !self.has_room(bytes, whose);
        (!full).then(|| self.stored(self.number(), bytes, Done::default()))
    }

    /// A message that was kept before the process began, and who has it already.
    pub(crate) fn found(self: &Arc<Self>, number: u64, bytes: usize, done: Done) -> Arc<Stored> {
        self.number_after(number);
        let stored = self.stored(number, bytes.saturating_add(KEYS_BYTES), done);
        stored.laid();
        stored
    }

    fn stored(self: &Arc<Self>, number: u64, bytes: usize, done: Done) -> Arc<Stored> {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Arc::new(Stored {
            number,
            ledger: Arc::clone(self),
            bytes: AtomicUsize::new(bytes),
            shares: AtomicU32::new(0),
            laid: AtomicBool::new(false),
            done: Mutex::new(done),
        })
    }

    fn has_room(&self, more: usize, whose: For) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed);
        bytes.saturating_add(more) <= whose.part_of(self.limits.bytes_max)
    }

    fn free(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Something is to be deleted.
    pub(crate) fn delete(&self, key: impl Into<Arc<str>>) {
        self.lock().delete(key.into(), None);
        self.due.notify_one();
    }

    /// The oldest of what is to be written down.
    pub(crate) fn take(&self) -> Batch {
        self.lock().take()
    }

    /// The deletes of a batch are durable: the room of what they were of is free.
    pub(crate) fn deleted(&self, batch: &mut Batch) {
        batch.deletes.drain(..).filter_map(|(_, frees)| frees).for_each(|bytes| self.free(bytes));
    }

    /// What could not be written down now is written down later. (The messages of the batch are let
    /// go of after the lock: the last hold of one asks for it.)
    pub(crate) fn put_back(&self, mut batch: Batch) {
        self.lock().put_back(&mut batch);
    }

    /// Messages that are kept.
    pub(crate) fn len(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Writes> {
        // Nothing panics while the lock is held.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl For {
    /// A client that is there, or not.
    pub(crate) fn client(is_there: bool) -> Self {
        if is_there { Self::There } else { Self::Away }
    }

    fn part_of(self, limit: usize) -> usize {
        match self {
            Self::There => limit,
            Self::Away => limit - limit / 4,
        }
    }
}

impl Stored {
    /// Makes room for one more recipient, who takes so many bytes. Says whether there was.
    pub(crate) fn grow(&self, more: usize, whose: For) -> bool {
        let own = self.bytes.load(Ordering::Relaxed).saturating_add(more);
        if own > RECORD_BYTES_MAX || !self.ledger.has_room(more, whose) {
            return false;
        }
        self.bytes.fetch_add(more, Ordering::Relaxed);
        self.ledger.bytes.fetch_add(more, Ordering::Relaxed);
        true
    }

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

    pub(super) fn done(&self) -> MutexGuard<'_, Done> {
        // Nothing panics while the lock is held.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_laid(&self) -> bool {
        self.laid.load(Ordering::Relaxed)
    }
}

impl Share {
    /// The write that says that this recipient has its part, and nothing about the others.
    pub(crate) fn done(&self) -> (Arc<str>, Write) {
        self.stored.done().by_itself(self.index);
        (done_key(self.stored.number, self.index), nothing())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let is_news = self.stored.is_laid() && self.stored.done().add(self.index);
        // A message for one recipient goes with its only share.
        if is_news && self.stored.shares.load(Ordering::Relaxed) > 1 {
            let ledger = &self.stored.ledger;
            ledger.lock().list(&self.stored);
            ledger.due.notify_one();
        }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if !self.is_laid() {
            return self.ledger.free(bytes);
        }
        let mut writes = self.ledger.lock();
        for index in self.done().all_by_themselves() {
            writes.delete(done_key(self.number, index), None);
        }
        if self.shares.load(Ordering::Relaxed) > 1 {
            writes.delete(list_key(self.number), None);
        }
        // The room is free once it is really so: the engine must never hold more than the limits.
        writes.delete(self.key(), Some(bytes));
        drop(writes);
        self.ledger.due.notify_one();
    }
}

/// The key of the list of those who have a message.
pub(crate) fn list_key(number: u64) -> Arc<str> {
    format!("d/{number:016x}").into()
}

/// The key that says that one recipient of a message has its part.
pub(crate) fn done_key(number: u64, index: u32) -> Arc<str> {
    format!("d/{number:016x}/{index}").into()
}

/// A value that says no more than that its key is there.
pub(crate) fn nothing() -> Write {
    Write::Set(Value { bytes: bytes::Bytes::new(), expires_at: None })
}

/// Keys of one message: itself, and the list of those who have it. Half of what the engine takes
/// is left for what recipients of QoS 2 say by themselves, until it is in the list.
const KEYS_EACH: usize = 2;

/// Bytes of those keys, about; and of a list.
const KEYS_BYTES: usize = 64;

/// Bytes of a message with its recipients.
pub(crate) const RECORD_BYTES_MAX: usize = 2 * 1024 * 1024;

// A message that is retained as well is one entry all the same.
const _: () =
    assert!(RECORD_BYTES_MAX + STATE_VALUE_BYTES_MAX + 64 * 1024 <= STATE_WRITTEN_BYTES_MAX);

#[cfg(test)]
mod tests;
