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
