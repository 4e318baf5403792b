//! What a file is, without running any of it.

use std::time::{Duration, Instant};

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;

use crate::engine::engine;
use crate::fault::LoadFault;
use crate::load::{Form, check_exports, compile, form, is_granted};
use crate::trial::TrialFault;

/// What a file of WebAssembly is, as the gateway sees it.
#[derive(Debug)]
pub struct Inspection {
    /// A component, or a core module that is made one when it is loaded.
    pub form: Form,
    /// The world of the contract that it fits, with its version; `None`: none that is served.
    pub world: Option<String>,
    /// Everything that it imports, in the order of the file.
    pub imports: Vec<Import>,
    /// The names of what it exports.
    pub exports: Vec<String>,
    /// Why the gateway would refuse it by its exports; `None` if it would not.
    pub refused: Option<LoadFault>,
    /// How long compiling it took.
    pub compile_time: Duration,
    /// Bytes of machine code and data that it was compiled to.
    pub compiled_bytes: usize,
}

/// One import: a capability that the plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The interface, with its version.
    pub name: String,
    /// The functions of it that the plugin imports.
    pub functions: Vec<String>,
    /// Whether the gateway grants it.
    pub granted: bool,
}

/// Compiles a file and says what it is. Nothing of it runs.
///
/// # Errors
/// When it is not WebAssembly, not valid, or cannot be made a component.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, TrialFault> {
    let engine = engine(1)?;
    let form = form(bytes).ok_or(LoadFault::NotWasm)?;
    let began = Instant::now();
    let component = compile(&engine, bytes)?;
    let compile_time = began.elapsed();
    let image = component.image_range();
    let kind = component.component_type();
    let imports = kind
        .imports(&engine)
        .map(|(name, item)| Import {
            name: name.to_owned(),
            functions: functions(&engine, &item.ty),
            granted: is_granted(name),
        })
        .collect();
    let exports: Vec<_> = kind.exports(&engine).map(|(name, _)| name.to_owned()).collect();
    Ok(Inspection {
        form,
        world: exports.iter().find_map(|name| world(name)),
        imports,
        exports,
        refused: check_exports(&engine, &component).err(),
        compile_time,
        compiled_bytes: (image.end as usize).saturating_sub(image.start as usize),
    })
}

/// The world of which an interface is the export: `sluicegate:plugin/filter-plugin@0.1.0`.
fn world(export: &str) -> Option<String> {
    let (interface, version) = export.split_once('@')?;
    let is_filter =
        matches!(interface, "sluicegate:plugin/filter" | "sluicegate:plugin/batch-filter");
    is_filter.then(|| format!("{interface}-plugin@{version}"))
}

fn functions(engine: &Engine, item: &ComponentItem) -> Vec<String> {
    let ComponentItem::ComponentInstance(interface) = item else { return Vec::new() };
    let is_function = |item: &ComponentItem| matches!(item, ComponentItem::ComponentFunc(_));
    let exports = interface.exports(engine);
    exports.filter(|(_, item)| is_function(&item.ty)).map(|(name, _)| name.to_owned()).collect()
}
