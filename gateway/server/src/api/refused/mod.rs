//! `/v1/refused` and `/v1/explain`: what was refused and is kept, and why it was refused.
//!
//! `place` knows the paths; `list` pages through what is kept; `one` shows, judges, releases and
//! removes one; `explain` tells every step of the line; `given` reads a delivery that somebody
//! sends to have it explained. Headers that carry secrets are masked in every answer.

mod explain;
mod given;
mod list;
mod one;
mod place;

pub(super) use place::{Place, answer};
