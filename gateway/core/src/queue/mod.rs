//! The rules of a queue: what consumers may ask, and the state machine that decides. Nothing here
//! waits, reads a clock or touches a disk.

mod asks;
mod backlog;
mod due;
mod failures;
mod held;
mod item;
mod keys;
mod lane;
mod lives;
mod loading;
mod look;
mod policy;
mod purge;
mod rate;
mod restore;
mod runs;
mod serve;
mod settle;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod traffic;
mod turn;
mod words;

pub use item::{Item, OrderKey, Place, Priority, QueueNumber, SourceTag, Terms};
pub use policy::{DeadLetters, Delivery, OnExpiry, Policy, Room};
pub use snapshot::{Held, LaneSnapshot, Run, Snapshot};
pub use state::{QueueState, Standing, View};
pub use traffic::{Change, Effect, Input, Lease, LeaseNumber, Replayed, Wish};
pub use words::{
    Consumed, DropCause, LeaseReceipt, QueueFault, QueueStats, Redriven, SettleFault, Settled,
    Settlement, Verb,
};
