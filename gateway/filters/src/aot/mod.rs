//! Compiling ahead of time: in a child process with limits, with a cache beside the data.
//!
//! A compiler reads what a stranger may have made. It runs in a process of its own, so that a file
//! that makes it take all memory or all time, or breaks it, costs a refusal and nothing else.

mod cache;
mod child;
mod compiler;

pub use child::compile_child;
pub use compiler::{Cache, Child, Compiler};
