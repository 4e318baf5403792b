//! Tests of the whole store: on the real disk, and on one that is torn at every step.

mod basics;
mod bounds;
mod clocks;
mod crash;
mod damage;
mod define;
mod faults;
mod folder;
mod forensics;
mod formats;
mod keys;
mod large;
mod lives;
mod look;
mod losses;
mod mutated;
mod panics;
mod parked;
mod past;
mod sealed;
mod settings;
mod stragglers;
mod strays;
mod torture;
mod uncounted;
pub(crate) mod world;
