//! Schemas: does the payload keep to what was agreed? JSON Schema, offline, and bounded before it
//! is compiled: a schema is input too.

mod bounds;
pub mod compat;
mod compiled;
mod document;
mod entry;
mod fault;
mod folder;
mod infer;
mod lint;
mod load;
mod pattern;
mod pin;
mod refs;
mod registry;
mod rule;
mod stack;
mod strict;
mod unfold;
mod violations;
mod weigh;

pub use compiled::{Compiled, Formats};
pub use document::Document;
pub use entry::{Entry, Origin, Reference, Source, Standing, Submission};
pub use fault::{SchemaFault, SchemaProblem};
pub use infer::infer;
pub use lint::{Advice, lint};
pub use pin::Referred;
pub use registry::Registry;
pub(crate) use rule::{DATASCHEMA_ATTRIBUTE, Judge, Rule, Ruling};
pub use rule::{OnUnknown, OnViolation, SchemaRule};
pub use strict::parse;
pub(crate) use weigh::Weight;
