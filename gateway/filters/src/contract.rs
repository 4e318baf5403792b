//! The host's side of the contract, made from `sdk/wit` at compile time.
//!
//! Events are lowered straight from borrowed parts; decisions are lifted into owned ones. The
//! `state` interface is linked, and refused to plugins that it is not granted to: see `load`.

wasmtime::component::bindgen!({
    path: "../../sdk/wit",
    world: "filter-plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// The world of plugins that are asked about several events in one call. It has the same types.
pub(crate) mod batch {
    wasmtime::component::bindgen!({
        path: "../../sdk/wit",
        world: "batch-filter-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "sluicegate:plugin/types": crate::contract::sluicegate::plugin::types,
            "sluicegate:plugin/log": crate::contract::sluicegate::plugin::log,
            "sluicegate:plugin/metrics": crate::contract::sluicegate::plugin::metrics,
            "sluicegate:plugin/state": crate::contract::sluicegate::plugin::state,
            "sluicegate:plugin/clock": crate::contract::sluicegate::plugin::clock,
        },
    });
}
