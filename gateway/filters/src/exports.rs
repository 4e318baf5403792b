//! What a plugin exports: `filter`, which is asked about one event a call, or `batch-filter`, which
//! is asked about several. All else treats both the same.

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Result, Store};

use crate::contract::batch::exports::sluicegate::plugin::batch_filter;
use crate::contract::exports::sluicegate::plugin::filter;
use crate::contract::sluicegate::plugin::types::Event;
use crate::fault::Fault;
use crate::imports::Context;
use crate::instance::Answer;

/// Which of the two worlds a plugin is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    Filter,
    Batch,
}

/// Where the exports of a plugin are found in each of its instances.
#[derive(Clone)]
pub(crate) enum Exports {
    Filter(filter::GuestIndices),
    Batch(batch_filter::GuestIndices),
}

/// The exports of one instance.
pub(crate) enum Guest {
    Filter(filter::Guest),
    Batch(batch_filter::Guest),
}

impl Exports {
    /// Finds the exports of this world.
    pub(crate) fn find(instances: &InstancePre<Context>, world: World) -> Result<Self> {
        match world {
            World::Filter => filter::GuestIndices::new(instances).map(Self::Filter),
            World::Batch => batch_filter::GuestIndices::new(instances).map(Self::Batch),
        }
    }

    /// The world that they are of.
    pub(crate) fn world(&self) -> World {
        match self {
            Self::Filter(_) => World::Filter,
            Self::Batch(_) => World::Batch,
        }
    }

    /// The exports of an instance.
    pub(crate) fn load(&self, store: &mut Store<Context>, instance: &Instance) -> Result<Guest> {
        match self {
            Self::Filter(indices) => indices.load(store, instance).map(Guest::Filter),
            Self::Batch(indices) => indices.load(store, instance).map(Guest::Batch),
        }
    }
}

impl Guest {
    /// Calls `configure`.
    pub(crate) fn configure(
        &self,
        store: &mut Store<Context>,
        config: &str,
    ) -> Result<Result<filter::Subscription, String>> {
        match self {
            Self::Filter(guest) => guest.call_configure(store, config),
            Self::Batch(guest) => guest.call_configure(store, config),
        }
    }

    /// Asks about one event.
    pub(crate) fn filter(
        &self,
        store: &mut Store<Context>,
        event: Event<'_>,
    ) -> Result<Result<Answer, Fault>> {
        match self {
            Self::Filter(guest) => guest.call_filter(store, event).map(Ok),
            Self::Batch(_) => {
                let answers = self.filter_together(store, &[event])?;
                let only = answers.map(|mut answers| answers.pop().ok_or_else(|| strayed(1, 0)));
                Ok(only.flatten())
            }
        }
    }

    /// Asks about several events in one call. The outer fault is wasmtime's; the inner one is the
    /// guest's, which answered a list of another length, or takes one event a call.
    pub(crate) fn filter_together(
        &self,
        store: &mut Store<Context>,
        events: &[Event<'_>],
    ) -> Result<Result<Vec<Answer>, Fault>> {
        let answers = match self {
            Self::Filter(_) => Vec::new(),
            Self::Batch(guest) => guest.call_filter_batch(store, events)?,
        };
        let (asked, got) = (events.len(), answers.len());
        Ok(if got == asked { Ok(answers) } else { Err(strayed(asked, got)) })
    }
}

/// Which answer belongs to which event cannot be known.
fn strayed(asked: usize, got: usize) -> Fault {
    Fault::bad(format!("it was asked about {asked} events and gave {got} answers"))
}
