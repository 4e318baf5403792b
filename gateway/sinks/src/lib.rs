//! The ways out: one attempt to hand over a batch, and what became of each event in it.
//!
//! A sink never retries and never decides how often: it says `Done`, `Retry` or `GiveUp`, and the
//! queue does the rest.

pub mod amqp;
mod cloudevent;
#[cfg(test)]
mod fixture;
pub mod http;
pub mod mqtt;
mod template;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::retry::RetryPolicy;

pub use cloudevent::CloudEvents;

/// Random bits, for jitter.
pub type Dice = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How long a sink waits before it connects to its broker again.
const RECONNECT: RetryPolicy = RetryPolicy {
    attempts_max: 1,
    wait_min: Duration::from_millis(250),
    wait_max: Duration::from_secs(30),
};
