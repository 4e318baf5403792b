//! The contract as Rust types, made from `sdk/wit` at compile time.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

wit_bindgen::generate!({
    path: "../wit",
    world: "filter-plugin",
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "sluicegate_plugin::bindings",
    additional_derives: [PartialEq],
});

/// The world of plugins that are asked about several events in one call. All but what it exports is
/// that of the other world.
pub mod batch {
    wit_bindgen::generate!({
        path: "../wit",
        world: "batch-filter-plugin",
        pub_export_macro: true,
        export_macro_name: "export_batch_bindings",
        default_bindings_module: "sluicegate_plugin::bindings::batch",
        with: {
            "sluicegate:plugin/types@0.1.0": super::sluicegate::plugin::types,
            "sluicegate:plugin/log@0.1.0": super::sluicegate::plugin::log,
            "sluicegate:plugin/metrics@0.1.0": super::sluicegate::plugin::metrics,
            "sluicegate:plugin/state@0.1.0": super::sluicegate::plugin::state,
            "sluicegate:plugin/clock@0.1.0": super::sluicegate::plugin::clock,
        },
    });
}
