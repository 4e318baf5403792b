//! `sluicegate plugin`: what a plugin's author does with a plugin, and what an operator does with
//! those of a gateway that runs.
//!
//! `suite` is the shape of a file of cases, `sample` an event in it, `golden` how an answer is
//! written and held against what a case expects. The commands: `test`, `run`, `bench`, `inspect`;
//! `push` and `pull` in `registry`; `diff`, over the events that `past` reads; and those of
//! `gateway`, over its admin API.

mod arguments;
mod bench;
mod diff;
mod gateway;
mod golden;
mod inspect;
mod past;
mod registry;
mod run;
mod sample;
mod subject;
mod suite;
mod sweep;
mod test;

pub(super) use arguments::{Arguments, run};
pub(super) use suite::json_schema;
