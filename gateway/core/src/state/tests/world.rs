//! What the tests of state share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::seams::StateView;
use crate::state::{Grant, Scope, Seen, Session, Table, Usage};
use crate::time::Timestamp;

/// A table that sessions look at, and its time.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) table: Mutex<Table>,
    ms: AtomicU64,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn pass(&self, ms: u64) {
        self.ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn session(self: &Arc<Self>) -> Session {
        Session::over(Arc::clone(self) as Arc<dyn StateView>)
    }

    /// Commits what a session did, as if nobody else were there.
    pub(super) fn commit(&self, session: Session) {
        let (mut table, now) = (self.table.lock().unwrap(), self.now());
        let ticket = table.stage(session.into_transaction(), now).unwrap();
        table.confirm(ticket, now).unwrap();
        table.commit(ticket);
    }
}

impl StateView for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.ms.load(Ordering::Relaxed))
    }

    fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen {
        self.table.lock().unwrap().read(scope, key, now)
    }

    fn has_room(&self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool {
        self.table.lock().unwrap().has_room(scope, more, grant, now)
    }
}

pub(super) fn scope(plugin: &str) -> Scope {
    Scope { plugin: plugin.parse().unwrap(), route: "r".parse().unwrap() }
}

pub(super) const SMALL: Grant = Grant { keys_max: 3, bytes_max: 40, value_bytes_max: 20 };
