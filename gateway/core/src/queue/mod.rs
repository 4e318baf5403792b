//! The rules of a queue: what consumers may ask, and the state machine that decides. Nothing here
//! waits, reads a clock or touches a disk.

mod backlog;
mod item;
#[cfg(test)]
mod model;
mod policy;
mod restore;
mod settle;
mod state;
mod traffic;
mod turn;
mod words;

pub use item::{Item, Place, QueueNumber};
pub use policy::{DeadLetters, Policy};
pub use state::QueueState;
pub use traffic::{Change, Effect, Input, Lease, LeaseNumber};
pub use words::{
    Consumed, LeaseReceipt, QueueFault, QueueStats, Redriven, SettleFault, Settled, Settlement,
    Verb,
};
