//! `bench plugins`: what calls of filters cost, beside what was promised of them.
//!
//! Every answer is compared with the one that is right; a row with a wrong one prints no figure,
//! and the command fails.

mod broken;
mod calls;
mod command;
mod event;
mod flow;
mod guests;
mod language;
mod memory;
mod native;
mod options;
mod report;
mod room;
mod rows;
mod targets;
mod timing;

pub use command::{ARGUMENT, main};
