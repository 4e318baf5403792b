//! Refused deliveries: kept, explained, judged again, released.
//!
//! `desk` is where the door hands one over, in bounded time and space; `class` says which are worth
//! it, and as what; `lane` holds each source to its share; `release` takes one through the line
//! after all; `explain` says why it was refused, and `walk` what the routes and filters would make
//! of it.

mod class;
mod counters;
mod desk;
mod explain;
mod lane;
mod release;
mod walk;

pub use counters::RefusedCounters;
pub use desk::{Keeping, Refused};
pub use explain::Explained;
pub use release::{ReleaseFault, Released};
pub use walk::{RouteWalk, Step};
