//! What the ledger is to write down, the oldest first: keys to delete, and lists to write again.
//!
//! Neither grows without bound: a key that was never written is never deleted, and a message waits
//! once for its list however many recipients have it meanwhile. Deletes go first and alone: they
//! make room, and are never refused for the want of it.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use sluicegate_core::state::{Value, Write};

use super::ledger::{Stored, done_key, list_key};

/// What is to be written down.
#[derive(Debug, Default)]
pub(super) struct Writes {
    deletes: VecDeque<Deletion>,
    lists: VecDeque<Weak<Stored>>,
}

/// A key, and the bytes of room that a message gives back with it.
pub(super) type Deletion = (Arc<str>, Option<usize>);

/// What is written down together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(super) deletes: Vec<Deletion>,
    lists: Vec<List>,
}

#[derive(Debug)]
struct List {
    of: Arc<Stored>,
    /// Recipients whose own keys go, because the list says the same.
    doubled: Vec<u32>,
}

impl Writes {
    /// A key is to be deleted.
    pub(super) fn delete(&mut self, key: Arc<str>, frees: Option<usize>) {
        self.deletes.push_back((key, frees));
    }

    /// The list of a message is to be written.
    pub(super) fn list(&mut self, of: &Arc<Stored>) {
        if !std::mem::replace(&mut of.done().listed, true) {
            self.lists.push_back(Arc::downgrade(of));
        }
    }

    /// The oldest.
    pub(super) fn take(&mut self) -> Batch {
        let deletes = self.deletes.drain(..self.deletes.len().min(DELETES_MAX)).collect();
        let lists = self.lists.drain(..self.lists.len().min(LISTS_MAX));
        // A message that everyone has is deleted, and its list with it.
        let list = |of: Weak<Stored>| Some(List { of: of.upgrade()?, doubled: Vec::new() });
        Batch { deletes, lists: lists.filter_map(list).collect() }
    }

    /// What could not be written down comes first the next time.
    pub(super) fn put_back(&mut self, batch: &mut Batch) {
        batch.deletes.drain(..).rev().for_each(|one| self.deletes.push_front(one));
        for List { of, .. } in batch.lists.iter().rev() {
            of.done().listed = true;
            self.lists.push_front(Arc::downgrade(of));
        }
    }
}

impl Batch {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.lists.is_empty()
    }

    /// The keys that go.
    pub(crate) fn deletes(&self) -> Vec<(Arc<str>, Write)> {
        self.deletes.iter().map(|(key, _)| (Arc::clone(key), Write::Delete)).collect()
    }

    /// The lists as they are now, and the keys that they make needless.
    pub(crate) fn lists(&mut self) -> Vec<(Arc<str>, Write)> {
        let mut writes = Vec::new();
        for List { of, doubled } in &mut self.lists {
            let mut done = of.done();
            done.listed = false;
            *doubled = done.doubled();
            let list = Write::Set(Value { bytes: done.list(), expires_at: None });
            writes.push((list_key(of.number), list));
            let needless = doubled.iter().map(|index| done_key(of.number, *index));
            writes.extend(needless.map(|key| (key, Write::Delete)));
        }
        writes
    }

    /// The lists are durable.
    pub(crate) fn listed(&self) {
        self.lists.iter().for_each(|list| list.of.done().folded(&list.doubled));
    }
}

/// Keys that one commit deletes.
const DELETES_MAX: usize = 1024;

/// Lists that one commit writes: each has at most a few kilobytes.
const LISTS_MAX: usize = 128;
