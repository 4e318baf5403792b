//! What the hall says to this room, and what it gets back. Data only.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::event::Event;
use sluicegate_core::ids::{Digest, PluginName, QueueName, RouteName};
use sluicegate_core::letter::Letter;
use sluicegate_core::state::{Grant, Transaction};

use crate::aot::Compiler;
use crate::slot::Slot;

/// The size of the room.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Worker threads; 0: as many as the machine has cores.
    pub threads: usize,
    /// Events that may wait for a worker. One more is refused.
    pub jobs_max: usize,
    /// Plugins that may be in place at once; eight versions of each may be loaded: one that
    /// decides, the one before it, one in shadow, one that is on its way, and those that slow
    /// events still hold.
    pub plugins_max: usize,
    /// Who knows which queues exist: a decision that names another is a bad one.
    pub queues: Arc<dyn Queues>,
    /// Where plugins are compiled.
    pub compiler: Compiler,
}

/// Which queues exist. Asked for every queue that a decision names, so it must be quick.
pub trait Queues: Send + Sync + fmt::Debug {
    /// The queue of this name; `None` if there is none.
    fn find(&self, name: &str) -> Option<QueueName>;
}

impl Queues for BTreeSet<QueueName> {
    fn find(&self, name: &str) -> Option<QueueName> {
        self.get(name).cloned()
    }
}

/// Every queue that could be: for tools, which know no configuration.
#[derive(Debug, Clone, Copy)]
pub struct AnyQueue;

impl Queues for AnyQueue {
    fn find(&self, name: &str) -> Option<QueueName> {
        name.parse().ok()
    }
}

/// A plugin to load.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// Its name in the configuration.
    pub name: PluginName,
    /// A component, or a core module that carries its component type.
    pub bytes: Vec<u8>,
    /// The SHA-256 of `bytes`, as the caller computed it.
    pub digest: Digest,
    /// How it is run.
    pub terms: Terms,
}

/// How a plugin is run.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Handed to `configure`: JSON, `{}` for none.
    pub config: String,
    /// How long one call may run.
    pub deadline: Duration,
    /// Memory and tables of one instance together.
    pub memory_bytes_max: usize,
    /// What becomes of an event when the plugin fails.
    pub on_failure: OnFailure,
    /// An instance is replaced by a fresh one after so many calls; 0: never.
    pub recycle_calls: u64,
    /// How much it may remember between events on each route; `None`: nothing.
    pub state: Option<Grant>,
}

/// What becomes of an event when a plugin fails: traps, overruns, breaks the contract, or says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// To the dead-letter queue, with the reason.
    #[default]
    DeadLetter,
    /// On, as if the plugin had said `next`.
    Next,
    /// Accept and discard; the reason is logged.
    Drop,
    /// Tell the producer to come back.
    Reject,
    /// Refuse this event and every later one, until an operator says otherwise.
    Pause,
}

/// The plugins of one route, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The route.
    pub route: RouteName,
    /// Its plugins.
    pub plugins: Vec<Slot>,
}

impl Chain {
    /// Whether any plugin of the chain wants to see an event of this type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.plugins.iter().any(|slot| slot.look(|seat| seat.wants(kind)))
    }

    /// Whether any plugin of the chain may remember something.
    pub(crate) fn remembers(&self) -> bool {
        self.plugins.iter().any(|slot| slot.look(|seat| seat.plugin.0.limits.state.is_some()))
    }

    /// Whether every plugin of the chain has been quick. The first that was not counts this call.
    pub(crate) fn is_quick(&self) -> bool {
        self.plugins.iter().all(|slot| slot.look(|seat| seat.plugin.0.pace.is_quick()))
    }
}

/// What the chains of an event came to.
#[derive(Debug, Default)]
pub struct Decided {
    /// One list of branches for each chain, in order.
    pub chains: Vec<Vec<Branch>>,
    /// What the filters read and wrote: it is to be committed with the event, or dropped.
    pub state: Transaction,
}

/// One event at the end of a chain: the one that came in, or one that a filter made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The event as it is now.
    pub event: Event,
    /// Where it stands.
    pub end: End,
}

/// How an event left a chain.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// No filter took it out: to the route's queues.
    Through,
    /// To these queues instead, each once, at least one.
    To(Vec<QueueName>),
    /// A filter let it go, and why.
    Dropped(String),
    /// To the dead-letter queue. The event is the one that the filter was asked about.
    Dead(Letter),
}
