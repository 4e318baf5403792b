//! The host's side of the contract, made from `sdk/wit` at compile time.
//!
//! Events are lowered straight from borrowed parts; decisions are lifted into owned ones. The
//! `state` interface is linked, and refused to plugins that it is not granted to: see `load`.

wasmtime::component::bindgen!({
    path: "../../sdk/wit",
    world: "filter-plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
});
