//! Keys as data: which are live, which matched and when, and how they are replaced while the
//! gateway runs.

mod custody;
mod prover;
mod rings;
mod usage;

pub use custody::{Custody, MASK};
pub(crate) use prover::Prover;
pub use usage::{KeyState, KeyUse};
