//! Compatibility: may one version of a schema stand in for another?
//!
//! `words` has the modes and the findings; `check` decides for a mode and a history; `prover` shows
//! that whatever one schema takes another takes as well, keyword by keyword (`choices`, `scalars`,
//! `arrays`, `objects`), from what `known` gathers about the first. What it can neither show nor
//! refute is a finding too: nothing passes because it was too hard.

mod arrays;
mod check;
mod choices;
mod disjoint;
mod known;
mod objects;
mod prover;
mod scalars;
mod types;
mod values;
mod words;

pub use check::{Version, check};
pub use words::{Direction, Finding, Incompatible, Mode, UnknownMode, Verdict};
