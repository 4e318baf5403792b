//! MQTT in, from a broker that is not ours: the gateway is its client, subscribes, and acknowledges
//! what it has committed.
//!
//! `run` connects again and again, `link` holds one connection, `memory` keeps packet ids of QoS 2
//! over a crash, `wire` makes packets of bytes, `dial` opens connections.

mod config;
mod dial;
mod fault;
mod link;
mod memory;
mod metrics;
mod run;
mod taking;
mod wire;

pub use config::{Broker, MqttClientConfig, MqttVersion, Topic};
pub use dial::{BrokerTls, BrokerTlsFault};
pub use metrics::{MqttClientMetrics, MqttClientStats};
pub use run::{MqttClient, MqttClientSeams};
