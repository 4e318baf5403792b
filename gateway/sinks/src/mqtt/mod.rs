//! MQTT out: one message per event to a broker, done when the broker has answered for it.
//!
//! `sink` tries, `connection` holds the one connection that is shared by all attempts, `message`
//! makes messages of events, `wire` packets of bytes, `dial` opens connections.

mod config;
mod connection;
mod dial;
mod fault;
mod message;
mod metrics;
mod sink;
mod topic;
mod wire;

pub use config::{BrokerAddress, MqttSinkConfig, MqttVersion};
pub use fault::MqttSinkFault;
pub use metrics::MqttSinkMetrics;
pub use sink::MqttSink;
