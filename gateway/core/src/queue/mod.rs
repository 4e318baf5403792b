//! The rules of a queue: what consumers may ask, and (in later files) the state machine that
//! decides. Nothing here waits, reads a clock or touches a disk.

mod words;

pub use words::{
    Consumed, LeaseReceipt, QueueFault, QueueStats, Redriven, SettleFault, Settled, Settlement,
    Verb,
};
