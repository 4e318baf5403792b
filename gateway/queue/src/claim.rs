//! State in the store: the table that filters look at, and what a commit claims of it.
//!
//! A claim is staged as it is laid on the desk, so the order of staging is that of the log. Where a
//! claim is dropped before its commit is in the log, whatever the reason, it is discarded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sluicegate_core::metrics::Counter;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{
    Conflict, Grant, Scope, Seen, Table, Ticket, Transaction, Usage, Value,
};
use sluicegate_core::time::{Clock, Moment, Timestamp};

use crate::metrics::StateUsage;

/// The state of all plugins.
#[derive(Debug)]
pub(crate) struct States {
    table: Mutex<Table>,
    clock: Clock,
    /// When the store was opened: times to live are reckoned by what has really passed since.
    opened: Moment,
    pub(crate) conflicts: Counter,
}

/// What a commit claims of the state.
#[derive(Debug)]
pub(crate) struct Claim {
    states: Arc<States>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Asked(Transaction),
    Staged(Ticket),
    Over,
}

impl States {
    /// The state that was found in the folder, which is taken.
    pub(crate) fn found(table: &mut Table, clock: &Clock, opened: Moment) -> Self {
        let table = Mutex::new(std::mem::take(table));
        Self { table, clock: clock.clone(), opened, conflicts: Counter::default() }
    }

    /// All that is committed and not expired. Cheap for each key: values are shared.
    pub(crate) fn committed(&self) -> Vec<(Scope, Arc<str>, Value)> {
        let now = self.now();
        let owned = |(scope, key, value): (&Scope, &Arc<str>, &Value)| {
            (scope.clone(), Arc::clone(key), value.clone())
        };
        self.lock().committed(now).map(owned).collect()
    }

    /// What is committed of one scope and not expired.
    pub(crate) fn of(&self, scope: &Scope) -> Vec<(Arc<str>, Bytes)> {
        let now = self.now();
        let table = self.lock();
        let ours = table.committed(now).filter(|(of, ..)| *of == scope);
        ours.map(|(_, key, value)| (Arc::clone(key), value.bytes.clone())).collect()
    }

    /// Forgets keys that are expired, so many at once.
    pub(crate) fn sweep(&self) {
        let now = self.now();
        self.lock().sweep(SWEPT_AT_ONCE, now);
    }

    /// How much each plugin holds on each route.
    pub(crate) fn usage(&self) -> Vec<StateUsage> {
        let table = self.lock();
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let one = |(scope, usage): (&Scope, Usage)| StateUsage {
            scope: scope.clone(),
            keys: count(usage.keys),
            bytes: count(usage.bytes),
        };
        table.usage().map(one).collect()
    }

    #[cfg(test)]
    pub(crate) fn staged(&self) -> usize {
        self.lock().staged()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under this lock can leave it half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateView for States {
    fn now(&self) -> Timestamp {
        self.opened.wall_at(self.clock.steady())
    }

    fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen {
        self.lock().read(scope, key, now)
    }

    fn has_room(&self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool {
        self.lock().has_room(scope, more, grant, now)
    }
}

impl Claim {
    /// A claim that is still to be staged.
    pub(crate) fn new(states: &Arc<States>, transaction: Transaction) -> Self {
        Self { states: Arc::clone(states), stage: Stage::Asked(transaction) }
    }

    /// Takes its place in the order: from now on others see what it writes.
    pub(crate) fn stage(&mut self) -> Result<(), Conflict> {
        let Stage::Asked(transaction) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok(());
        };
        let now = self.states.now();
        match self.states.lock().stage(transaction, now) {
            Ok(ticket) => {
                self.stage = Stage::Staged(ticket);
                Ok(())
            }
            Err(conflict) => {
                self.states.conflicts.increment();
                Err(conflict)
            }
        }
    }

    /// Whether it still holds: asked by the writer, right before its entry is added.
    pub(crate) fn confirm(&self) -> Result<(), Conflict> {
        let Stage::Staged(ticket) = self.stage else { return Err(Conflict) };
        let now = self.states.now();
        let confirmed = self.states.lock().confirm(ticket, now);
        if confirmed.is_err() {
            self.states.conflicts.increment();
        }
        confirmed
    }

    /// Its entry is in the log.
    pub(crate) fn commit(mut self) {
        if let Stage::Staged(ticket) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.states.lock().commit(ticket);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Stage::Staged(ticket) = self.stage {
            self.states.lock().discard(ticket);
        }
    }
}

/// Expired keys that go at once: the table is locked as long as that takes.
const SWEPT_AT_ONCE: usize = 1024;
