//! The configuration: one YAML file, read whole, judged whole, and reported with every error at
//! once, each with its file, line and path.
//!
//! `document` reads YAML with line numbers; `shape` is the published shape, from which the JSON
//! Schema is made; `read` holds a document against that schema; `check` holds it against the world:
//! names that refer to nothing, secrets that are not set, plugins that are not Wasm. What passes
//! is a [`Plan`], which cannot be wrong and which the hall builds from.

mod check;
mod document;
mod fault;
mod plan;
mod read;
mod scalars;
mod secrets;
mod sections;
mod shape;
mod sources;

pub use fault::{ConfigFault, ConfigFaults};
pub use plan::{AdminPlan, Plan, PluginPlan, RoutePlan, SinkPlan, SourcePlan};
pub use read::load;
pub use shape::json_schema;
