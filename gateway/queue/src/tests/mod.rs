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
mod gate;
mod holds;
mod keys;
mod lives;
mod look;
mod losses;
mod past;
mod sealed;
mod settings;
mod stragglers;
mod torture;
pub(crate) mod world;
