//! The queues of an open store, by name and by number, as every thread sees them.
//!
//! Queues are added and changed while the store runs. A number is never used again; a queue that
//! is removed keeps its place, without its name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Policy, QueueNumber, Room as Bounds};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::config::{Retain, WhenFull};
use crate::gauges::Gauges;
use crate::metrics::QueueCounters;
use crate::owner::Mail;
use crate::rate::{Bucket, Rate};
use crate::terms::TermsRules;
use crate::writer::{Arrival, Inbox};

/// How one queue is treated: its configuration with every name looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) policy: Policy,
    pub(crate) bounds: Bounds,
    /// How many events may be committed into it in a second.
    pub(crate) rate: Option<Rate>,
    pub(crate) retain: Retain,
    pub(crate) terms: TermsRules,
    /// Where its given-up events go; `None` if they stay.
    pub(crate) dead_letter: Option<QueueNumber>,
    /// Whether commits into it are refused when it is full; otherwise its oldest events go.
    pub(crate) when_full: WhenFull,
    /// Whether it is configured: one that is not keeps its events, and is shown.
    pub(crate) standing: Standing,
}

/// Where a queue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is in the configuration, or was made while the store runs.
    Configured,
    /// It was found in the folder only.
    Found,
    /// It was removed.
    Removed,
}

/// One queue.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) number: QueueNumber,
    pub(crate) gauges: Gauges,
    pub(crate) bucket: Bucket,
    pub(crate) counters: QueueCounters,
    pub(crate) inbox: Arc<Inbox<Arrival>>,
    pub(crate) mail: mpsc::Sender<Mail>,
    /// The numbers of the asks whose consumers went away before they had an answer.
    pub(crate) withdrawn: Inbox<u64>,
    asks: AtomicU64,
    owner: OnceLock<AbortHandle>,
    named: RwLock<(QueueName, Arc<Plan>)>,
}

impl Room {
    pub(crate) fn new(
        number: QueueNumber,
        name: QueueName,
        plan: Plan,
        inbox: Arc<Inbox<Arrival>>,
        mail: mpsc::Sender<Mail>,
    ) -> Self {
        let named = RwLock::new((name, Arc::new(plan)));
        Self {
            number,
            gauges: Gauges::default(),
            bucket: Bucket::default(),
            counters: QueueCounters::default(),
            inbox,
            mail,
            withdrawn: Inbox::default(),
            asks: AtomicU64::default(),
            owner: OnceLock::new(),
            named,
        }
    }

    pub(crate) fn name(&self) -> QueueName {
        self.named.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.named.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Treats the queue in another way from now on.
    pub(crate) fn set_plan(&self, plan: Plan) {
        self.named.write().unwrap_or_else(PoisonError::into_inner).1 = Arc::new(plan);
    }

    /// A number for an ask, that no other has.
    pub(crate) fn number_ask(&self) -> u64 {
        self.asks.fetch_add(1, Ordering::Relaxed)
    }

    /// The task that owns the queue.
    pub(crate) fn is_owned_by(&self, task: AbortHandle) {
        // It is told once, when the queue is opened.
        let _ = self.owner.set(task);
    }

    /// Ends the task that owns the queue.
    pub(crate) fn abandon(&self) {
        self.owner.get().into_iter().for_each(AbortHandle::abort);
    }

    /// Gives the queue another name. Who looks for it by name is told with [`Registry::open`].
    pub(crate) fn set_name(&self, name: QueueName) {
        self.named.write().unwrap_or_else(PoisonError::into_inner).0 = name;
    }
}

/// The queues.
#[derive(Debug, Default)]
pub(crate) struct Registry(RwLock<Queues>);

#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<QueueName, Arc<Room>>,
    by_number: Vec<Arc<Room>>,
}

impl Registry {
    /// Adds a queue; its number is the next one. Nobody finds it by its name yet.
    pub(crate) fn add(&self, room: Arc<Room>) {
        let mut queues = self.0.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert_eq!(usize::from(room.number.0), queues.by_number.len());
        queues.by_number.push(room);
    }

    /// From now on the queue is found by its name.
    pub(crate) fn open(&self, room: &Arc<Room>) {
        let mut queues = self.0.write().unwrap_or_else(PoisonError::into_inner);
        queues.by_name.insert(room.name(), Arc::clone(room));
    }

    /// From now on nobody finds the queue by its name.
    pub(crate) fn close(&self, room: &Arc<Room>) {
        let mut queues = self.0.write().unwrap_or_else(PoisonError::into_inner);
        queues.by_name.remove(&room.name());
    }

    pub(crate) fn find(&self, name: &QueueName) -> Option<Arc<Room>> {
        let queues = self.0.read().unwrap_or_else(PoisonError::into_inner);
        queues.by_name.get(name).cloned()
    }

    pub(crate) fn numbered(&self, number: QueueNumber) -> Option<Arc<Room>> {
        let queues = self.0.read().unwrap_or_else(PoisonError::into_inner);
        queues.by_number.get(usize::from(number.0)).cloned()
    }

    /// All queues, by number.
    pub(crate) fn rooms(&self) -> Vec<Arc<Room>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_number.clone()
    }
}
