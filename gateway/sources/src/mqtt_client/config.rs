//! What a client of a broker is made of.

use std::fmt;
use std::time::Duration;

use sluicegate_core::ids::SourceName;

use super::dial::BrokerTls;
use crate::format::Format;
use crate::mqtt::Dedupe;

/// What a client of a broker is made of.
#[derive(Debug, Clone)]
pub struct MqttClientConfig {
    /// The source that its events are of.
    pub source: SourceName,
    /// The broker.
    pub broker: Broker,
    /// What it subscribes to.
    pub topics: Vec<Topic>,
    /// A longer payload is refused.
    pub payload_bytes_max: usize,
    /// What makes two messages the same.
    pub dedupe: Dedupe,
    /// How its messages are read.
    pub format: Format,
    /// Messages that may be on their way through the line.
    pub receive_max: u16,
}

/// A filter of topics, and with which QoS it is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The filter; `$share/GROUP/FILTER` too.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
}

/// A broker, and who the gateway is there.
#[derive(Clone)]
pub struct Broker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// With TLS, if at all.
    pub tls: Option<BrokerTls>,
    /// What is spoken.
    pub version: MqttVersion,
    /// The client id. The session at the broker is of this id.
    pub client_id: String,
    /// The user name.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// How often something is said, at least.
    pub keep_alive: Duration,
    /// Seconds that the broker keeps the session without the gateway (3.1.1: for good, if not 0).
    pub session_expiry_s: u32,
    /// From the look-up of the name to the CONNACK.
    pub connect: Duration,
}

/// What is spoken with a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
