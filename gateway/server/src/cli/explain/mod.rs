//! `sluicegate explain`: why a delivery was refused, and what would become of it. `curl` reads a
//! command line of curl as a delivery; `show` is what people read.

mod curl;
mod run;
mod show;

pub(in crate::cli) use run::{Arguments, explain};
