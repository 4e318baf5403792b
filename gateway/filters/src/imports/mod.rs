//! What a guest may call: log, metrics and clock, and state where it is granted. Nothing else is
//! linked, so nothing else exists for it.

mod clock;
mod log;
mod metrics;
mod state;

pub(crate) use clock::now;
pub(crate) use log::LogGate;
pub(crate) use state::Memory;

use std::sync::Arc;

use sluicegate_core::ids::EventId;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Result};

use crate::contract::sluicegate::plugin;
use crate::deadline::Deadline;
use crate::memory::MemoryCap;
use crate::plugin::About;
use crate::series::Handles;

/// What the host keeps beside one instance: its limits, and what its imports need.
pub(crate) struct Context {
    pub(crate) about: Arc<About>,
    pub(crate) memory: MemoryCap,
    pub(crate) deadline: Deadline,
    pub(crate) handles: Handles,
    /// The event that the guest is asked about; `None` in `configure`.
    pub(crate) event: Option<EventId>,
    /// The state that it was granted.
    pub(crate) state: Memory,
}

/// The interfaces that can be granted. Whether a plugin may import `state` is asked before.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    plugin::types::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    plugin::log::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    plugin::metrics::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    plugin::clock::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    plugin::state::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    Ok(linker)
}

/// The name of the interface that is granted in the configuration, without its version.
pub(crate) const STATE: &str = "sluicegate:plugin/state";

/// The names of the interfaces that are granted to every plugin, without their versions.
pub(crate) const GRANTED: [&str; 4] = [
    "sluicegate:plugin/types",
    "sluicegate:plugin/log",
    "sluicegate:plugin/metrics",
    "sluicegate:plugin/clock",
];

impl plugin::types::Host for Context {}
