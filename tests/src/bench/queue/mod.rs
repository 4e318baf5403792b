//! `bench queue`: the queue engine beside the raw loop and beside brokers, in one run.
//!
//! A run with one lost, doubled or changed event prints no figure, and the command fails.

mod audit;
mod backlog;
mod command;
mod disk;
mod drive;
mod figures;
mod kill;
mod latency;
mod options;
mod ours;
mod part;
mod payload;
mod peers;
mod report;
mod rows;
mod shim;
mod targets;
mod timers;

pub use command::{ARGUMENT, main};
pub use part::{ARGUMENT as PART_ARGUMENT, main as part};
