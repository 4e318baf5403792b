//! The ways in: protocol to delivery; receipt or refusal to the protocol's reply.
//!
//! A source believes nothing and stores nothing. It bounds what a stranger can send, hands whole
//! deliveries to the intake, and answers only with what the intake said.

mod accept;
pub mod amqp;
mod fill;
mod format;
pub mod http;
pub mod mqtt;
pub mod mqtt_client;
mod tls;

pub use format::Format;
