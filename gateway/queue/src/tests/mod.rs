//! Tests of the whole store: on the real disk, and on one that is torn at every step.

mod basics;
mod clocks;
mod crash;
mod damage;
mod faults;
mod formats;
mod keys;
mod lives;
mod losses;
mod sealed;
pub(crate) mod world;
