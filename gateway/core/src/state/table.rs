//! The table of all state: what is committed, and over it what is on its way to the disk.
//!
//! An event's transaction is *staged* when it is laid down for the writer, and from then on others
//! see its writes: a key that every event touches does not make each wait for the disk. The writer
//! takes the transactions in that order, and holds what each read against what is committed by
//! then. If it is still so, the writes are committed; if not, because what was seen on its way was
//! refused, that is a conflict, and the filters run again on what is. A transaction that is refused
//! for another reason is discarded, and takes its writes with it.
//!
//! What is committed never goes over a grant. Keys that are expired are not there, and go out of
//! memory in bounded steps: whenever room is asked for, and when the owner says `sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::slot::Slot;
use super::transaction::{Transaction, Write};
use super::words::{Conflict, Grant, Scope, Seen, Usage, Value, Version};
use crate::time::Timestamp;

/// All state.
#[derive(Debug, Default)]
pub struct Table {
    scopes: BTreeMap<Scope, Keys>,
    staged: BTreeMap<Ticket, Transaction>,
    last: u64,
}

/// A transaction that is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug, Default)]
struct Keys {
    slots: BTreeMap<Arc<str>, Slot>,
    /// Committed keys that expire, the first one first.
    expiring: BTreeSet<(Timestamp, Arc<str>)>,
    /// What it holds once all is done that is on its way.
    newest: Usage,
    /// What is committed.
    base: Usage,
}

impl Table {
    /// What a filter sees of a key now.
    #[must_use]
    pub fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen {
        let slot = self.scopes.get(scope).and_then(|keys| keys.slots.get(key));
        slot.map_or(Seen::ABSENT, |slot| slot.newest(now))
    }

    /// Whether a scope may grow by so much. Forgets what is expired if that makes the room.
    pub fn has_room(&mut self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool {
        match self.scopes.get_mut(scope) {
            Some(keys) => keys.has_room(more, grant, now),
            None => Usage::default().may_grow(more, grant),
        }
    }

    /// Takes a transaction in, if what it read is what is seen now: from now on its writes are.
    ///
    /// # Errors
    /// When something has changed, or a quota is used up meanwhile; nothing happened then.
    pub fn stage(&mut self, transaction: Transaction, now: Timestamp) -> Result<Ticket, Conflict> {
        for part in &transaction.parts {
            for (key, touched) in &part.touched {
                let is = || self.read(&part.scope, key, now).version;
                if touched.read.is_some_and(|read| read != is()) {
                    return Err(Conflict);
                }
            }
            let more = part.growth(|key| self.slot_usage(&part.scope, key));
            if !self.has_room(&part.scope, more, part.grant, now) {
                return Err(Conflict);
            }
        }
        self.last += 1;
        let version = Version(self.last);
        for (scope, key, write) in transaction.writes() {
            if !self.scopes.contains_key(scope) {
                self.scopes.insert(scope.clone(), Keys::default());
            }
            let Some(keys) = self.scopes.get_mut(scope) else { continue };
            let value = write.value().cloned();
            keys.change(key, |slot| slot.pending.push((version, value)));
        }
        let ticket = Ticket(self.last);
        self.staged.insert(ticket, transaction);
        Ok(ticket)
    }

    /// Whether a staged transaction still holds: what it read is what is committed now, and its
    /// writes stay within their grants. Asked by the one who commits, in the order of staging.
    ///
    /// # Errors
    /// When it does not; it is to be discarded then.
    pub fn confirm(&self, ticket: Ticket, now: Timestamp) -> Result<(), Conflict> {
        let transaction = self.staged.get(&ticket).ok_or(Conflict)?;
        for part in &transaction.parts {
            let keys = self.scopes.get(&part.scope);
            let slot = |key: &str| keys.and_then(|keys| keys.slots.get(key));
            for (key, touched) in &part.touched {
                let is = slot(key).map_or(Seen::ABSENT, |slot| slot.committed(now)).version;
                if touched.read.is_some_and(|read| read != is) {
                    return Err(Conflict);
                }
            }
            let base = |key: &str| slot(key).map_or(Usage::default(), |slot| slot.base_usage(key));
            let held = keys.map_or(Usage::default(), |keys| keys.base);
            if !held.may_grow(part.growth(base), part.grant) {
                return Err(Conflict);
            }
        }
        Ok(())
    }

    /// Commits a staged transaction that was confirmed just before.
    pub fn commit(&mut self, ticket: Ticket) {
        let Some(transaction) = self.staged.remove(&ticket) else { return };
        let version = Version(ticket.0);
        for (scope, key, write) in transaction.writes() {
            let Some(keys) = self.scopes.get_mut(scope) else { continue };
            keys.change(key, |slot| slot.pending.retain(|(of, _)| *of != version));
            keys.set(key, write.value().cloned(), version);
        }
        self.tidy(&transaction);
    }

    /// Takes a staged transaction away: it was refused.
    pub fn discard(&mut self, ticket: Ticket) {
        let Some(transaction) = self.staged.remove(&ticket) else { return };
        let version = Version(ticket.0);
        for (scope, key, _) in transaction.writes() {
            if let Some(keys) = self.scopes.get_mut(scope) {
                keys.change(key, |slot| slot.pending.retain(|(of, _)| *of != version));
            }
        }
        self.tidy(&transaction);
    }

    /// Does a write that was committed before: when a folder is read back.
    pub fn restore(&mut self, scope: &Scope, key: &str, write: &Write, now: Timestamp) {
        self.last += 1;
        let keys = self.scopes.entry(scope.clone()).or_default();
        // What is expired is as good as deleted, and need not be kept.
        let value = write.value().filter(|value| value.is_live(now)).cloned();
        keys.set(key, value, Version(self.last));
        if keys.slots.is_empty() {
            self.scopes.remove(scope);
        }
    }

    /// Forgets up to `steps` keys that are expired; says whether there may be more.
    pub fn sweep(&mut self, steps: usize, now: Timestamp) -> bool {
        let mut left = steps;
        for keys in self.scopes.values_mut() {
            while left > 0 && keys.forget_one(now) {
                left -= 1;
            }
        }
        self.scopes.retain(|_, keys| !keys.slots.is_empty());
        left == 0
    }

    /// What is committed and not expired, by scope and key.
    pub fn committed(&self, now: Timestamp) -> impl Iterator<Item = (&Scope, &Arc<str>, &Value)> {
        self.scopes.iter().flat_map(move |(scope, keys)| {
            keys.slots.iter().filter_map(move |(key, slot)| {
                let (value, _) = slot.base.as_ref()?;
                value.is_live(now).then_some((scope, key, value))
            })
        })
    }

    /// How much of each scope is committed. What is expired and still in memory counts.
    pub fn usage(&self) -> impl Iterator<Item = (&Scope, Usage)> {
        self.scopes.iter().map(|(scope, keys)| (scope, keys.base))
    }

    /// How many transactions are staged.
    #[must_use]
    pub fn staged(&self) -> usize {
        self.staged.len()
    }

    fn slot_usage(&self, scope: &Scope, key: &str) -> Usage {
        let slot = self.scopes.get(scope).and_then(|keys| keys.slots.get(key));
        slot.map_or(Usage::default(), |slot| slot.newest_usage(key))
    }

    fn tidy(&mut self, transaction: &Transaction) {
        for part in &transaction.parts {
            if self.scopes.get(&part.scope).is_some_and(|keys| keys.slots.is_empty()) {
                self.scopes.remove(&part.scope);
            }
        }
    }
}

impl Keys {
    fn has_room(&mut self, more: Usage, grant: Grant, now: Timestamp) -> bool {
        for _ in 0..EXPIRED_AT_ONCE {
            if self.newest.may_grow(more, grant) {
                return true;
            }
            if !self.forget_one(now) {
                return false;
            }
        }
        self.newest.may_grow(more, grant)
    }

    /// Changes a slot, and keeps the books. A slot with nothing in it goes.
    fn change(&mut self, key: &str, act: impl FnOnce(&mut Slot)) {
        if !self.slots.contains_key(key) {
            self.slots.insert(key.into(), Slot::default());
        }
        let Some(slot) = self.slots.get_mut(key) else { return };
        let (newest, base) = (slot.newest_usage(key), slot.base_usage(key));
        act(slot);
        self.newest += slot.newest_usage(key) - newest;
        self.base += slot.base_usage(key) - base;
        if slot.is_empty() {
            self.slots.remove(key);
        }
    }

    /// Commits a value, or that there is none.
    fn set(&mut self, key: &str, value: Option<Value>, version: Version) {
        let old = self.slots.get_key_value(key).and_then(|(key, slot)| {
            let (value, _) = slot.base.as_ref()?;
            Some((value.expires_at?, Arc::clone(key)))
        });
        if let Some(old) = old {
            self.expiring.remove(&old);
        }
        let expires_at = value.as_ref().and_then(|value| value.expires_at);
        self.change(key, |slot| slot.base = value.map(|value| (value, version)));
        if let Some(expires_at) = expires_at
            && let Some((key, _)) = self.slots.get_key_value(key)
        {
            self.expiring.insert((expires_at, Arc::clone(key)));
        }
    }

    /// Forgets the committed value that expired first; `false` if none is.
    fn forget_one(&mut self, now: Timestamp) -> bool {
        let Some((_, key)) = self.expiring.first().filter(|(end, _)| *end <= now) else {
            return false;
        };
        let key = Arc::clone(key);
        self.set(&key, None, Version::ABSENT);
        true
    }
}

/// Expired keys that one question for room may forget: enough for the largest value in the place of
/// small ones.
const EXPIRED_AT_ONCE: usize = 4096;
