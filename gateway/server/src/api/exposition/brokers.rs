//! The sources and sinks that speak to brokers, whichever protocol.

use super::amqp::Amqp;
use super::mqtt_brokers::MqttBrokers;

/// The sources and sinks that speak to brokers.
#[derive(Debug, Default)]
pub struct Brokers {
    /// Those of AMQP.
    pub amqp: Amqp,
    /// Those of MQTT.
    pub mqtt: MqttBrokers,
}

impl Brokers {
    /// What readiness tells: a code and a sentence for each that is not as it should be.
    pub fn degraded(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.amqp.degraded().into_iter().chain(self.mqtt.degraded())
    }
}
