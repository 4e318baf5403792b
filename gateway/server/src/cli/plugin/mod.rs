//! `sluicegate plugin`: what a plugin's author does with a plugin, without a gateway that runs.
//!
//! `manifest` is the shape of a plugin's folder, `suite` that of a file of cases, `sample` an event
//! in it, `golden` how an answer is written and held against what a case expects. The commands:
//! `new`, `build`, `test`, `run`, `bench`, `inspect`.

mod arguments;
mod bench;
mod build;
mod golden;
mod inspect;
mod manifest;
mod new;
mod run;
mod sample;
mod subject;
mod suite;
mod sweep;
mod test;

pub(super) use arguments::{Arguments, run};
pub(super) use manifest::manifest_schema;
pub(super) use suite::json_schema;
