//! The checks of MQTT brokers that are not ours: sources that take from one, sinks that publish to
//! one.

use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_sinks::CloudEvents;
use sluicegate_sinks::mqtt as sink;
use sluicegate_sources::Format;
use sluicegate_sources::mqtt::{Dedupe, Filter};
use sluicegate_sources::mqtt_client as client;

use super::broker::{Material, cloudevents, dice};
use super::check::Checker;
use super::shape;

/// What the configuration says of a broker, read.
struct Read {
    host: String,
    port: u16,
    password: Option<Vec<u8>>,
    keep_alive: Duration,
    /// What was read for TLS, where it is spoken.
    tls: Option<Material>,
}

impl Checker<'_> {
    /// A source that takes from a broker.
    pub(super) fn mqtt_client(
        &mut self,
        place: &str,
        source: &SourceName,
        from: &shape::MqttClient,
        format: Format,
    ) -> Option<client::MqttClientConfig> {
        let read = self.mqtt_broker(&format!("{place}/broker"), &from.broker);
        let mut topics = Vec::new();
        for (at, topic) in from.topics.iter().enumerate() {
            let filter = topic.filter.strip_prefix("$share/").and_then(|rest| {
                rest.split_once('/')
                    .filter(|(group, _)| !group.is_empty())
                    .map(|(_, filter)| filter)
            });
            if let Err(fault) = Filter::parse(filter.unwrap_or(&topic.filter)) {
                let message = format!("{:?}: {fault}", topic.filter);
                self.fault(&format!("{place}/topics/{at}/filter"), "topic_invalid", message);
            }
            let qos = topic.qos.unwrap_or(1);
            topics.push(client::Topic { filter: topic.filter.clone(), qos });
        }
        let payload_bytes_max = self.payload_max(place, from.payload_max);
        let expiry = from.session_expiry.map_or(SESSION_EXPIRY, |span| span.0);
        let property = from.dedupe_property.as_ref().map(|name| name.to_ascii_lowercase());
        let Read { host, port, password, keep_alive, tls } = read?;
        let tls = match tls {
            None => None,
            Some(tls) => {
                let identity = tls.identity.as_ref().map(|(chain, key)| (&**chain, &**key));
                match client::BrokerTls::new(tls.roots.as_deref(), identity) {
                    Ok(tls) => Some(tls),
                    Err(fault) => {
                        let pointer = format!("{place}/broker/tls");
                        self.fault(&pointer, "tls_invalid", fault.to_string());
                        return None;
                    }
                }
            }
        };
        let version = match from.broker.version {
            shape::MqttVersion::V3 => client::MqttVersion::V3,
            shape::MqttVersion::V5 => client::MqttVersion::V5,
        };
        let client_id = from.client_id.clone().unwrap_or_else(|| format!("sluicegate-{source}"));
        Some(client::MqttClientConfig {
            source: source.clone(),
            broker: client::Broker {
                host,
                port,
                tls,
                version,
                client_id,
                user: from.broker.user.clone(),
                password,
                keep_alive,
                session_expiry_s: u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX),
                connect: CONNECT,
            },
            topics,
            payload_bytes_max,
            dedupe: property.map_or(Dedupe::Off, Dedupe::Property),
            format,
            receive_max: from.receive_max.unwrap_or(RECEIVE_MAX),
        })
    }

    /// A sink that publishes to a broker.
    pub(super) fn mqtt_sink(
        &mut self,
        place: &str,
        to: &shape::MqttSink,
    ) -> Option<sink::MqttSinkConfig> {
        let read = self.mqtt_broker(&format!("{place}/broker"), &to.broker);
        let timeout = to.timeout.map_or(TIMEOUT, |span| span.0);
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&timeout) {
            let message = "a timeout is 1ms to 10m";
            self.fault(&format!("{place}/timeout"), "value_out_of_range", message);
        }
        let Read { host, port, password, keep_alive, tls } = read?;
        let (roots, identity) = match tls {
            None => (None, None),
            Some(Material { roots, identity }) => {
                use sluicegate_sinks::http::Roots;
                (Some(roots.map_or(Roots::Web, Roots::Pem)), identity)
            }
        };
        let (version, usual) = match to.broker.version {
            shape::MqttVersion::V3 => (sink::MqttVersion::V3, CloudEvents::Off),
            shape::MqttVersion::V5 => (sink::MqttVersion::V5, CloudEvents::Binary),
        };
        let cloudevents = to.cloudevents.map_or(usual, cloudevents);
        Some(sink::MqttSinkConfig {
            broker: sink::BrokerAddress { host, port, roots, identity },
            version,
            client_id: to.client_id.clone(),
            user: to.broker.user.clone(),
            password,
            topic: to.topic.clone(),
            qos: to.qos.unwrap_or(1),
            retain: to.retain,
            cloudevents,
            forward_headers: to.forward_headers,
            keep_alive,
            timeout,
            dice: dice(),
        })
    }

    fn mqtt_broker(&mut self, place: &str, broker: &shape::MqttBroker) -> Option<Read> {
        let address = address(&broker.url);
        if address.is_none() {
            let message = "a broker is mqtt://HOST:PORT or mqtts://HOST:PORT";
            self.fault(&format!("{place}/url"), "url_invalid", message);
        }
        let password = broker.password_secret.as_ref().and_then(|name| {
            let pointer = format!("{place}/password_secret");
            self.secret(&pointer, name).map(<[u8]>::to_vec)
        });
        let keep_alive = broker.keep_alive.map_or(KEEP_ALIVE, |span| span.0);
        if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&keep_alive) {
            let message = "a keep-alive is 1s to 1h";
            self.fault(&format!("{place}/keep_alive"), "value_out_of_range", message);
        }
        let secured = address.as_ref().is_some_and(|(_, _, secured)| *secured);
        if broker.tls.is_some() && !secured {
            let message = "tls is for mqtts://";
            self.fault(&format!("{place}/tls"), "value_missing", message);
        }
        let tls = match &broker.tls {
            _ if !secured => None,
            None => Some(Material::default()),
            Some(tls) => Some(self.broker_tls(&format!("{place}/tls"), tls)?),
        };
        let (host, port, _) = address?;
        Some(Read { host, port, password, keep_alive, tls })
    }
}

/// Host, port, and whether TLS is spoken.
fn address(url: &str) -> Option<(String, u16, bool)> {
    let (secured, rest) = match url.split_once("://")? {
        ("mqtt", rest) => (false, rest),
        ("mqtts", rest) => (true, rest),
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '@', '?', '#']) {
        return None;
    }
    let usual = if secured { 8883 } else { 1883 };
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (host, after) = v6.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => usual,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port, secured))
}

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const SESSION_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);
const CONNECT: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(15);
const RECEIVE_MAX: u16 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_brokers_are_read_strictly() {
        let is = |host: &str, port, tls| Some((host.to_owned(), port, tls));
        for (url, expected) in [
            ("mqtt://broker", is("broker", 1883, false)),
            ("mqtts://broker/", is("broker", 8883, true)),
            ("mqtt://10.0.0.1:2883", is("10.0.0.1", 2883, false)),
            ("mqtts://[::1]:9", is("::1", 9, true)),
            ("mqtt://", None),
            ("mqtt://:1883", None),
            ("mqtt://user:secret@broker", None),
            ("mqtt://broker/path", None),
            ("mqtt://broker:0", None),
            ("mqtt://broker:x", None),
            ("http://broker", None),
            ("broker", None),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
    }
}
