//! From bytes to a plugin that is known to start. Nothing of a plugin runs before its bytes, its
//! imports and its exports are known to be right.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_core::limits::{
    FILTER_DEADLINE_MS_MAX, PLUGIN_BYTES_MAX, PLUGIN_MEMORY_BYTES_MAX, bounded_reason,
};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::contract::exports::sluicegate::plugin::filter::GuestIndices;
use crate::fault::LoadFault;
use crate::imports::{Context, GRANTED, LogGate};
use crate::instance::{Instance, Started};
use crate::metrics::Counts;
use crate::pace::Pace;
use crate::plugin::{About, Limits, Loaded, Plugin};
use crate::series::SeriesTable;
use crate::spec::PluginSpec;
use crate::subscription::Subscription;

/// Compiles a plugin, holds it against the contract and starts it once.
pub(crate) fn load(linker: &Linker<Context>, spec: PluginSpec) -> Result<Plugin, LoadFault> {
    within_limits(&spec)?;
    let component = compile(linker.engine(), &spec.bytes)?;
    check_exports(linker.engine(), &component)?;
    check_imports(linker.engine(), &component)?;
    let wrong = |error: wasmtime::Error| LoadFault::WrongWorld {
        wanted: FILTER,
        found: bounded_reason(format!("another form of it: {error:#}")),
    };
    let instances = linker.instantiate_pre(&component).map_err(wrong)?;
    let exports = GuestIndices::new(&instances).map_err(wrong)?;
    let about = Arc::new(about(&spec));
    let limits = Limits {
        config: spec.config.into(),
        deadline: spec.deadline,
        memory_bytes_max: spec.memory_bytes_max,
        recycle_calls: spec.recycle_calls,
    };
    let started = Instance::start(&about, &instances, &exports, &limits)
        .map_err(|fault| LoadFault::Start { cause: fault.cause, why: fault.reason })?;
    let subscription = match started {
        Started::Ready(_, asked) => Subscription::new(asked)?,
        Started::Refused(why) => return Err(LoadFault::Refused { why }),
    };
    let on_failure = spec.on_failure;
    let pace = Pace::default();
    Ok(Plugin(Arc::new(Loaded {
        about,
        instances,
        exports,
        limits,
        on_failure,
        subscription,
        pace,
    })))
}

fn within_limits(spec: &PluginSpec) -> Result<(), LoadFault> {
    let deadline = Duration::from_millis(1)..=Duration::from_millis(FILTER_DEADLINE_MS_MAX);
    let memory = WASM_PAGE_BYTES..=PLUGIN_MEMORY_BYTES_MAX;
    if deadline.contains(&spec.deadline) && memory.contains(&spec.memory_bytes_max) {
        Ok(())
    } else {
        Err(LoadFault::Limits)
    }
}

fn about(spec: &PluginSpec) -> About {
    let mut digest_short = spec.digest.to_string();
    digest_short.truncate(12);
    About {
        name: spec.name.clone(),
        digest: spec.digest,
        signature: format!("{}@{digest_short}", spec.name),
        digest_short,
        counts: Counts::default(),
        series: SeriesTable::default(),
        log: LogGate::new(Instant::now()),
        failures: LogGate::new(Instant::now()),
    }
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadFault> {
    if bytes.len() > PLUGIN_BYTES_MAX {
        return Err(LoadFault::TooLarge { bytes: bytes.len() });
    }
    let component = match bytes.get(..8) {
        Some(COMPONENT) => Cow::Borrowed(bytes),
        Some(MODULE) => Cow::Owned(componentize(bytes)?),
        _ => return Err(LoadFault::NotWasm),
    };
    Component::from_binary(engine, &component)
        .map_err(|error| LoadFault::Malformed { why: bounded_reason(format!("{error:#}")) })
}

/// Makes a component of a core module that carries its component type in custom sections, as
/// `cargo build --target wasm32-unknown-unknown` over the SDK leaves it.
fn componentize(module: &[u8]) -> Result<Vec<u8>, LoadFault> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| LoadFault::NotComponent { why: bounded_reason(format!("{error:#}")) })
}

fn check_exports(engine: &Engine, component: &Component) -> Result<(), LoadFault> {
    let kind = component.component_type();
    let found: Vec<_> = kind.exports(engine).map(|(name, _)| name).collect();
    if found.iter().any(|name| interface(name) == "sluicegate:plugin/filter" && is_ours(name)) {
        return Ok(());
    }
    if found.iter().any(|name| interface(name) == "sluicegate:plugin/batch-filter") {
        return Err(LoadFault::Batch);
    }
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Err(LoadFault::WrongWorld { wanted: FILTER, found: bounded_reason(found) })
}

fn check_imports(engine: &Engine, component: &Component) -> Result<(), LoadFault> {
    let kind = component.component_type();
    let names: Vec<_> = kind
        .imports(engine)
        .map(|(name, _)| name)
        .filter(|name| !(GRANTED.contains(&interface(name)) && is_ours(name)))
        .take(IMPORTS_NAMED_MAX)
        .map(str::to_owned)
        .collect();
    if names.is_empty() { Ok(()) } else { Err(LoadFault::Imports { names }) }
}

/// The name of an interface without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// Whether the version is one that this host speaks: 0.1, whatever its patch.
fn is_ours(name: &str) -> bool {
    name.split_once('@').is_some_and(|(_, version)| version.starts_with("0.1."))
}

/// The interface that every plugin exports.
const FILTER: &str = "sluicegate:plugin/filter@0.1.0";

/// The first bytes of a component and of a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

const WASM_PAGE_BYTES: usize = 64 * 1024;

/// Imports that a refusal lists.
const IMPORTS_NAMED_MAX: usize = 64;
