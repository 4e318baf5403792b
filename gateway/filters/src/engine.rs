//! The settings of wasmtime, in one place. Each was measured or is there for safety.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    Strategy,
};

use crate::fault::HostFault;

/// An engine with a pool for `instances` instances at once.
pub(crate) fn engine(instances: usize) -> Result<Engine, HostFault> {
    if !PoolingAllocationConfig::is_pagemap_scan_available() {
        tracing::warn!(
            "this kernel has no PAGEMAP_SCAN (Linux 6.7): replacing a plugin instance costs \
             about 15 us instead of 4 us"
        );
    }
    made(&settings(instances))
}

/// An engine that counts the instructions of its guests, and is else the same: for tools. Counting
/// makes guests slower, so the gateway does not.
pub(crate) fn counting_engine(instances: usize) -> Result<Engine, HostFault> {
    made(settings(instances).consume_fuel(true))
}

/// An engine that compiles for the others and runs nothing, so it reserves no address space.
pub(crate) fn compiling_engine() -> Result<Engine, HostFault> {
    made(settings(1).allocation_strategy(InstanceAllocationStrategy::OnDemand))
}

fn made(config: &Config) -> Result<Engine, HostFault> {
    Engine::new(config).map_err(|error| HostFault::Engine(format!("{error:#}")))
}

fn settings(instances: usize) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // One thread compiles: several would each keep memory, and a plugin takes milliseconds.
        .parallel_compilation(false)
        // Plugins are synchronous: 105 ns per call instead of 350 ns.
        .concurrency_support(false)
        // A guest has half a megabyte of stack: recursion ends in a trap, far from the end of the
        // thread's.
        .max_wasm_stack(GUEST_STACK_BYTES)
        .epoch_interruption(true)
        // A letter says which trap it was. Nobody reads the frames, and a guest that traps on every
        // event would make us walk its stack each time.
        .wasm_backtrace_max_frames(None)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    trim(&mut config);
    config
}

/// Proposals that no plugin needs are surface for an attacker only. Threads, garbage collection
/// and exceptions are not even compiled in.
fn trim(config: &mut Config) {
    config
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_component_model_memory64(false);
}

/// The pool reserves address space, not memory: each slot takes room only while it is used.
fn pool(instances: usize) -> PoolingAllocationConfig {
    let count = |per_instance: usize| {
        u32::try_from(instances.saturating_mul(per_instance)).unwrap_or(u32::MAX)
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count(1))
        .total_core_instances(count(CORE_INSTANCES_EACH))
        .max_core_instances_per_component(48)
        .total_memories(count(MEMORIES_EACH))
        .max_memories_per_component(4)
        .total_tables(count(TABLES_EACH))
        .max_tables_per_component(8)
        .max_unused_warm_slots(count(1).min(16))
        // Pages below this are cleared in place when a slot is given back, instead of being
        // unmapped and faulted in again; PAGEMAP_SCAN finds the ones that were written.
        .linear_memory_keep_resident(256 * 1024)
        .table_keep_resident(32 * 1024)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Stack of the guest, within the stack of the thread that calls it.
pub(crate) const GUEST_STACK_BYTES: usize = 512 * 1024;

/// Stack of a thread that asks guests: the guest's, and the host's beside it.
pub(crate) const WORKER_STACK_BYTES: usize = GUEST_STACK_BYTES + 512 * 1024;

// A component made from one core module is three core instances (the module and two shims), one
// memory and two tables; one of JavaScript is 11, 3 and 3, one of Python 38, 1 and 2. Core
// instances are counted and no more, so there are enough for any; memories are address space.
const CORE_INSTANCES_EACH: usize = 48;
const MEMORIES_EACH: usize = 3;
const TABLES_EACH: usize = 4;
