//! AMQP 0-9-1 out: one persistent message per event, confirmed by the broker.

mod config;
mod confirms;
mod connection;
mod fault;
mod message;
mod metrics;
mod sink;
mod typed;

pub use config::{AmqpSinkConfig, Connect, Connected, OnUnroutable};
pub use fault::AmqpSinkFault;
pub use metrics::AmqpSinkMetrics;
pub use sink::AmqpSink;
