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

pub use cloudevent::CloudEvents;
