//! Ordering keys: at most one event of a key is out, and the others that came up wait behind it.
//! Costs memory by the keys that are in use now.

use std::collections::{BTreeSet, HashMap};

use super::item::{OrderKey, Place};

/// Who is out, and who waits, by key.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<OrderKey, Line>);

#[derive(Debug)]
struct Line {
    /// The one that is out, or goes next.
    first: Place,
    blocked: BTreeSet<Place>,
}

impl Keys {
    /// The event of this key that is out, or goes next.
    pub(super) fn first(&self, key: OrderKey) -> Option<Place> {
        self.0.get(&key).map(|line| line.first)
    }

    /// This event goes next. Whoever was first waits.
    pub(super) fn lead(&mut self, key: OrderKey, id: Place) {
        let line = self.0.entry(key).or_insert(Line { first: id, blocked: BTreeSet::new() });
        if line.first != id {
            line.blocked.remove(&id);
            line.blocked.insert(line.first);
            line.first = id;
        }
    }

    /// This event waits behind the first.
    pub(super) fn wait(&mut self, key: OrderKey, id: Place) {
        if let Some(line) = self.0.get_mut(&key) {
            line.blocked.insert(id);
        }
    }

    /// This event left the queue. Returns the one that goes next, if that is another one now.
    pub(super) fn leave(&mut self, key: OrderKey, id: Place) -> Option<Place> {
        let line = self.0.get_mut(&key)?;
        if line.first != id {
            line.blocked.remove(&id);
            return None;
        }
        let next = line.blocked.pop_first();
        match next {
            Some(next) => line.first = next,
            None => {
                self.0.remove(&key);
            }
        }
        next
    }
}
