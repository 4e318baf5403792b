//! Tests of state: what one event may do, and that many at once are as if one after the other.

mod model;
mod sessions;
mod tables;
mod world;
