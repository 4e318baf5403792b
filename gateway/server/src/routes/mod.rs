//! Which events go where.
//!
//! `pattern` reads the pattern of a route from its configuration; `test` is one leaf of it;
//! `matcher` asks all routes about an event; `resolve` turns what filters decided into placements.

mod matcher;
mod pattern;
mod resolve;
mod test;

pub use matcher::{Matcher, Route};
pub use pattern::{Pattern, PatternFault, Written};
pub use resolve::{Ruling, dead, resolve, together};
