//! Schemas: does the payload keep to what was agreed? JSON Schema, offline, and bounded before it
//! is compiled: a schema is input too.

mod bounds;
mod compiled;
mod fault;
mod refs;
mod registry;
mod rule;
mod unfold;
mod violations;

pub use compiled::Compiled;
pub use fault::{SchemaFault, SchemaProblem};
pub use registry::Registry;
pub use rule::{OnUnknown, OnViolation, SchemaRule};
pub(crate) use rule::{Rule, Ruling};
