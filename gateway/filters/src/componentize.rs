//! From a core module, as a compiler leaves it, to a component.
//!
//! It reads what a stranger may have made, and runs nothing of it.

use sluicegate_core::limits::bounded_reason;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::fault::LoadFault;

/// Makes a component of a core module that carries its component type in custom sections, as
/// `cargo build --target wasm32-unknown-unknown` over the SDK leaves it.
///
/// # Errors
/// When it carries none, or one that does not fit it.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, LoadFault> {
    encoded(module, &[])
}

/// Makes a component of a core module for WASI that carries no component type: writes that of a
/// world of the contract (`wit`) into it, and puts an adapter (text of a module) in the place of
/// WASI, so that nothing of it is left.
///
/// # Errors
/// When the contract has no such world, or the module or the adapter does not fit it.
pub fn componentize_for(
    wit: &str,
    world: &str,
    module: &[u8],
    adapter: &str,
) -> Result<Vec<u8>, LoadFault> {
    let wrong = |why: String| LoadFault::NotComponent { why: bounded_reason(why) };
    let mut resolve = Resolve::default();
    let package =
        resolve.push_str("plugin.wit", wit).map_err(|error| wrong(format!("{error:#}")))?;
    let world = resolve
        .select_world(&[package], Some(world))
        .map_err(|error| wrong(format!("{error:#}")))?;
    let mut typed = module.to_vec();
    embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| wrong(format!("{error:#}")))?;
    let adapter = wat::parse_str(adapter).map_err(|error| wrong(format!("adapter: {error}")))?;
    encoded(&typed, &[("wasi_snapshot_preview1", &adapter)])
}

fn encoded(module: &[u8], adapters: &[(&str, &[u8])]) -> Result<Vec<u8>, LoadFault> {
    let whole = || {
        let mut encoder = ComponentEncoder::default().validate(true).module(module)?;
        for (name, adapter) in adapters {
            encoder = encoder.adapter(name, adapter)?;
        }
        encoder.encode()
    };
    whole().map_err(|error| LoadFault::NotComponent { why: bounded_reason(format!("{error:#}")) })
}
