//! `sluicegate plugin`: what a plugin's author does with a plugin, and what an operator does with
//! those of a gateway that runs.
//!
//! `manifest` is the shape of a plugin's folder, `suite` that of a file of cases, `sample` an event
//! in it, `golden` how an answer is written and held against what a case expects. The commands:
//! `new`, `build`, `test`, `run`, `bench`, `inspect`; `push` and `pull` in `registry`; `diff`, over
//! the events that `past` reads; and those of `gateway`, over its admin API.

mod arguments;
mod bench;
mod build;
mod diff;
mod gateway;
mod golden;
mod inspect;
mod manifest;
mod new;
mod one;
mod past;
mod registry;
mod run;
mod sample;
mod subject;
mod suite;
mod sweep;
mod test;

pub(super) use arguments::{Arguments, run};
pub(super) use manifest::manifest_schema;
pub(super) use suite::json_schema;
