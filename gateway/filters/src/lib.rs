//! The Wasm room: loads plugins, and lets them decide about events. The only crate that knows
//! wasmtime.
//!
//! A plugin is a guest that nobody trusts. It gets what its subscription asked for and gives back
//! a decision; it never gets a file, a socket, an environment variable or another event's memory.
//! Whatever it does wrong (a trap, an endless loop, a grab for memory, a lie), the event that it
//! was asked about is not lost, and no other event is disturbed.
//!
//! How an event goes through, file by file: [`Host::decide`] (`host`) walks the chains (`walk`) at
//! a free station, with the instances that it keeps (`station`, `instance`), on the caller's own
//! thread if the plugins have been quick (`pace`); else it puts one job on the bounded line
//! (`jobs`), and a worker thread does the same (`work`), for plugins that take batches with all
//! that wait for the same one (`together`). What a guest answers is checked and translated
//! (`answer`) and, if it made events, they are patched together (`patch`).
//!
//! A chain holds plugins by their place ([`Slot`]): which version of each decides can change at any
//! moment (`change`), and an event keeps what it met (`pins`). A version that fails too often goes
//! by itself (`breaker`); one in shadow is only compared (`shadow`, `differences`).

mod answer;
mod aot;
mod breaker;
mod change;
mod componentize;
mod contract;
mod deadline;
mod differences;
mod engine;
mod exports;
mod fault;
mod host;
mod imports;
mod inspect;
mod instance;
mod jobs;
mod load;
mod memory;
mod metrics;
mod pace;
mod patch;
mod pins;
mod plugin;
mod projection;
mod series;
mod shadow;
mod slot;
mod spec;
mod station;
mod subscription;
mod ticker;
mod together;
mod trial;
mod walk;
mod watch;
mod work;

pub use aot::{Cache, Child, Compiler, compile_child};
pub use breaker::Breaker;
pub use change::{Force, Restored};
pub use componentize::{componentize, componentize_for};
pub use differences::{Difference, Differences, Differs};
pub use fault::{HostFault, LoadFault, SlotFault};
pub use host::Host;
pub use inspect::{Import, Inspection, inspect};
pub use load::{Form, form};
pub use metrics::{PluginMetrics, Series, SeriesValue};
pub use plugin::Plugin;
pub use slot::{Slot, SlotView, Standing};
pub use spec::{
    AnyQueue, Branch, Chain, Decided, End, HostConfig, OnFailure, PluginSpec, Queues, Terms,
};
pub use trial::{Asked, Meter, Reuse, Said, Trial, TrialFault, Trials};
