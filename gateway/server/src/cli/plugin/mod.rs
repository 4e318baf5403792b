//! `sluicegate plugin`: what a plugin's author does with a plugin, without a gateway that runs.
//!
//! `suite` is the shape of a file of cases, `sample` an event in it, `golden` how an answer is
//! written and held against what a case expects. The commands: `test`, `run`, `bench`, `inspect`.

mod arguments;
mod bench;
mod golden;
mod inspect;
mod run;
mod sample;
mod subject;
mod suite;
mod sweep;
mod test;

pub(super) use arguments::{Arguments, run};
pub(super) use suite::json_schema;
