//! What an MQTT sink is made of.

use std::fmt;
use std::time::Duration;

use crate::http::Roots;
use crate::{CloudEvents, Dice};

/// What an MQTT sink is made of.
#[derive(Clone)]
pub struct MqttSinkConfig {
    /// The broker.
    pub broker: BrokerAddress,
    /// What is spoken.
    pub version: MqttVersion,
    /// The client id; empty: the broker gives one.
    pub client_id: String,
    /// The user name.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The topic, with places for what events say.
    pub topic: String,
    /// 0, 1 or 2. With 0 nobody answers: written to the socket is done.
    pub qos: u8,
    /// Whether the broker keeps the last message of each topic.
    pub retain: bool,
    /// How the attributes of an event go out.
    pub cloudevents: CloudEvents,
    /// Whether the headers that an event came with go out as user properties (MQTT 5).
    pub forward_headers: bool,
    /// How often something is said, at least.
    pub keep_alive: Duration,
    /// For one attempt, from the look-up of the name to the answer.
    pub timeout: Duration,
    /// For the jitter of waits.
    pub dice: Dice,
}

/// Where a broker is.
#[derive(Clone)]
pub struct BrokerAddress {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who vouches for it, where TLS is spoken.
    pub roots: Option<Roots>,
    /// The gateway's own certificate and key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is spoken with a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

impl fmt::Debug for MqttSinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttSinkConfig")
            .field("host", &self.broker.host)
            .field("port", &self.broker.port)
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .finish_non_exhaustive()
    }
}
