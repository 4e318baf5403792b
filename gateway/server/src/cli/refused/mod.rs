//! `sluicegate refused`: what was refused and is kept. `arguments` is what can be said; `act` does
//! it.

mod act;
mod arguments;

pub(in crate::cli) use arguments::{Arguments, run};
