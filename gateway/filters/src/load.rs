//! From bytes to a plugin that is known to start. Nothing of a plugin runs before its bytes, its
//! imports and its exports are known to be right.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_core::limits::{
    FILTER_DEADLINE_MS_MAX, PLUGIN_BYTES_MAX, PLUGIN_MEMORY_BYTES_MAX, bounded_reason,
};
use sluicegate_core::state::Grant;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::componentize::componentize;
use crate::exports::{Exports, World};
use crate::fault::LoadFault;
use crate::imports::{Context, GRANTED, LogGate, STATE};
use crate::instance::{Instance, Started};
use crate::metrics::Counts;
use crate::plugin::{About, Limits, Loaded, Plugin};
use crate::series::SeriesTable;
use crate::spec::Terms;
use crate::subscription::Subscription;
use crate::trial::Meter;

/// A plugin that was compiled and keeps to the contract; it can be started with any configuration.
pub(crate) struct Prepared {
    instances: InstancePre<Context>,
    exports: Exports,
    meter: Meter,
}

/// Holds a component against the contract. Nothing of it runs.
pub(crate) fn prepare(
    linker: &Linker<Context>,
    component: &Component,
    state: Option<Grant>,
    meter: Meter,
) -> Result<Prepared, LoadFault> {
    let world = check_exports(linker.engine(), component)?;
    check_imports(linker.engine(), component, state)?;
    let wrong = |error: wasmtime::Error| LoadFault::WrongWorld {
        wanted: FILTER,
        found: bounded_reason(format!("another form of it: {error:#}")),
    };
    let instances = linker.instantiate_pre(component).map_err(wrong)?;
    let exports = Exports::find(&instances, world).map_err(wrong)?;
    Ok(Prepared { instances, exports, meter })
}

impl Prepared {
    /// Starts it once, to prove that its `configure` works.
    pub(crate) fn start(
        &self,
        name: PluginName,
        digest: Digest,
        terms: Terms,
    ) -> Result<Plugin, LoadFault> {
        within_limits(&terms)?;
        let about = Arc::new(about(name, digest));
        let limits = Limits {
            config: terms.config.into(),
            deadline: terms.deadline,
            memory_bytes_max: terms.memory_bytes_max,
            recycle_calls: terms.recycle_calls,
            state: terms.state,
            meter: self.meter,
        };
        let Self { instances, exports, .. } = self;
        let started = Instance::start(&about, instances, exports, &limits)
            .map_err(|fault| LoadFault::Start { cause: fault.cause, why: fault.reason })?;
        let subscription = match started {
            Started::Ready(_, asked) => Subscription::new(asked)?,
            Started::Refused(why) => return Err(LoadFault::Refused { why }),
        };
        let run = (limits, terms.on_failure);
        let loaded = Loaded::new(about, instances.clone(), exports.clone(), run, subscription);
        Ok(Plugin(Arc::new(loaded)))
    }
}

fn within_limits(terms: &Terms) -> Result<(), LoadFault> {
    let deadline = Duration::from_millis(1)..=Duration::from_millis(FILTER_DEADLINE_MS_MAX);
    let memory = WASM_PAGE_BYTES..=PLUGIN_MEMORY_BYTES_MAX;
    if deadline.contains(&terms.deadline) && memory.contains(&terms.memory_bytes_max) {
        Ok(())
    } else {
        Err(LoadFault::Limits)
    }
}

fn about(name: PluginName, digest: Digest) -> About {
    let mut digest_short = digest.to_string();
    digest_short.truncate(12);
    About {
        signature: format!("{name}@{digest_short}"),
        name,
        digest,
        digest_short,
        counts: Counts::default(),
        series: SeriesTable::default(),
        log: LogGate::new(Instant::now()),
        failures: LogGate::new(Instant::now()),
        shadow: AtomicBool::new(false),
    }
}

/// Compiles a component, or a core module that carries its component type.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadFault> {
    Component::from_binary(engine, &component_of(bytes)?).map_err(|error| refused(&error))
}

/// Why the engine does not take a component.
pub(crate) fn refused(error: &wasmtime::Error) -> LoadFault {
    let why = format!("{error:#}");
    // The validator has no type for it.
    if why.contains("component model async") {
        return LoadFault::Async;
    }
    LoadFault::Malformed { why: bounded_reason(why) }
}

/// The component that a file is or can be made.
pub(crate) fn component_of(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadFault> {
    if bytes.len() > PLUGIN_BYTES_MAX {
        return Err(LoadFault::TooLarge { bytes: bytes.len() });
    }
    match form(bytes) {
        Some(Form::Component) => Ok(Cow::Borrowed(bytes)),
        Some(Form::Module) => componentize(bytes).map(Cow::Owned),
        None => Err(LoadFault::NotWasm),
    }
}

/// What a file of WebAssembly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A component.
    Component,
    /// A core module.
    Module,
}

/// What the first bytes say that a file is; `None`: not WebAssembly.
#[must_use]
pub fn form(bytes: &[u8]) -> Option<Form> {
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Some(Form::Component),
        Some(b"\0asm\x01\0\0\0") => Some(Form::Module),
        _ => None,
    }
}

/// Holds what it exports against the contract. What takes batches is asked in batches, whatever
/// else it exports.
pub(crate) fn check_exports(engine: &Engine, component: &Component) -> Result<World, LoadFault> {
    let kind = component.component_type();
    let found: Vec<_> = kind.exports(engine).map(|(name, _)| name).collect();
    let exports = |wanted| found.iter().any(|name| interface(name) == wanted && is_ours(name));
    if exports("sluicegate:plugin/batch-filter") {
        return Ok(World::Batch);
    }
    if exports("sluicegate:plugin/filter") {
        return Ok(World::Filter);
    }
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Err(LoadFault::WrongWorld { wanted: FILTER, found: bounded_reason(found) })
}

fn check_imports(
    engine: &Engine,
    component: &Component,
    state: Option<Grant>,
) -> Result<(), LoadFault> {
    let may_remember = |name: &str| state.is_some() && interface(name) == STATE && is_ours(name);
    let kind = component.component_type();
    let names: Vec<_> = kind
        .imports(engine)
        .map(|(name, _)| name)
        .filter(|name| !is_granted(name) && !may_remember(name))
        .take(IMPORTS_NAMED_MAX)
        .map(str::to_owned)
        .collect();
    if names.is_empty() { Ok(()) } else { Err(LoadFault::Imports { names }) }
}

/// Whether every plugin may import an interface of this name.
pub(crate) fn is_granted(name: &str) -> bool {
    GRANTED.contains(&interface(name)) && is_ours(name)
}

/// The name of an interface without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// Whether the version is one that this host speaks: 0.1, whatever its patch.
fn is_ours(name: &str) -> bool {
    name.split_once('@').is_some_and(|(_, version)| version.starts_with("0.1."))
}

/// What a plugin exports: one of these.
const FILTER: &str = "sluicegate:plugin/filter@0.1.0 or sluicegate:plugin/batch-filter@0.1.0";

const WASM_PAGE_BYTES: usize = 64 * 1024;

/// Imports that a refusal lists.
const IMPORTS_NAMED_MAX: usize = 64;
