//! State that nobody keeps: for tools, and where there is no store. It forgets everything when it
//! is dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::table::Table;
use super::transaction::Transaction;
use super::words::{Grant, Scope, Seen, Usage};
use crate::seams::StateView;
use crate::time::{Clock, Timestamp};

/// State in memory.
#[derive(Debug)]
pub struct Scratch {
    table: Mutex<Table>,
    clock: Clock,
}

impl Scratch {
    /// Empty state, whose keys expire by this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { table: Mutex::default(), clock }
    }

    /// Commits what filters read and wrote. Says whether it was still so.
    pub fn commit(&self, transaction: Transaction) -> bool {
        let now = self.clock.now();
        let mut table = self.lock();
        match table.stage(transaction, now) {
            Ok(ticket) => {
                // Nothing else is on its way: what was staged holds.
                table.commit(ticket);
                true
            }
            Err(_) => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under this lock can leave it half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateView for Scratch {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen {
        self.lock().read(scope, key, now)
    }

    fn has_room(&self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool {
        self.lock().has_room(scope, more, grant, now)
    }
}
