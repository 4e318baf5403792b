//! The checks of the MQTT listener: its users, its rules, its bounds, and the topics of sources.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_sources::Format;
use sluicegate_sources::mqtt::{
    Access, AccessRule, Dedupe, Filter, Framing, Identity, MqttLimits, MqttListen, MqttTls,
    Pattern, TokenAlgorithm, Tokens, TopicRule, Users, WINDOW_MAX,
};
use zeroize::Zeroizing;

use super::check::{Checker, places};
use super::plan::MqttPlan;
use super::scalars::Size;
use super::shape;

impl Checker<'_> {
    /// The MQTT listener, if there is one.
    pub(super) fn mqtt(&mut self, config: &shape::Config) -> Option<MqttPlan> {
        let access = self.mqtt_access(&config.mqtt);
        let limits = self.mqtt_limits(&config.mqtt.limits);
        self.mqtt_topics_once(&config.sources);
        let listeners = self.mqtt_listeners(config);
        let listen = &config.listen;
        let addresses = [&listen.mqtt, &listen.mqtts, &listen.mqtt_ws, &listen.mqtt_wss];
        if addresses.iter().all(|address| address.is_none()) {
            for (place, _, source) in places("sources", &config.sources) {
                if source.mqtt.is_some() {
                    let message = "nothing listens for MQTT: set listen.mqtt or listen.mqtts";
                    self.fault(&format!("{place}/mqtt"), "value_missing", message);
                }
            }
            return None;
        }
        let certified = config.mqtt.tls.as_ref().is_some_and(|tls| tls.user_from_certificate);
        let named = config.mqtt.users.is_some() || config.mqtt.jwt.is_some() || certified;
        if !named && !config.mqtt.anonymous {
            let message = "nobody can come in over MQTT: name a file of users under mqtt.users, \
                           set mqtt.jwt or mqtt.tls.user_from_certificate, or say \
                           mqtt.anonymous: true";
            self.fault("/listen", "value_missing", message);
        }
        Some(MqttPlan { listeners, limits, access })
    }

    fn mqtt_listeners(
        &mut self,
        config: &shape::Config,
    ) -> Vec<(&'static str, SocketAddr, MqttListen)> {
        let listen = &config.listen;
        let mut tls = None;
        let mut all = Vec::new();
        for (name, address, sealed, framing) in [
            ("mqtt", &listen.mqtt, false, Framing::Stream),
            ("mqtts", &listen.mqtts, true, Framing::Stream),
            ("mqtt_ws", &listen.mqtt_ws, false, Framing::WebSocket),
            ("mqtt_wss", &listen.mqtt_wss, true, Framing::WebSocket),
        ] {
            let Some(address) = address else { continue };
            let pointer = format!("/listen/{name}");
            let address = self.address(&pointer, address);
            if sealed && config.mqtt.tls.is_none() {
                let message = format!("listen.{name} needs a certificate: mqtt.tls");
                self.fault(&pointer, "value_missing", message);
            }
            if sealed && tls.is_none() {
                tls = self.mqtt_tls(config);
            }
            let tls = if sealed { tls.clone() } else { None };
            all.push((name, address, MqttListen { tls, framing }));
        }
        all
    }

    fn mqtt_tls(&mut self, config: &shape::Config) -> Option<MqttTls> {
        let tls = config.mqtt.tls.as_ref()?;
        if tls.user_from_certificate && tls.client_ca.is_none() {
            let message = "a name from a certificate needs authorities of certificates: client_ca";
            self.fault("/mqtt/tls/user_from_certificate", "value_missing", message);
        }
        let certificate = self.pem("/mqtt/tls/certificate", &tls.certificate);
        let clients = tls.client_ca.as_ref().map(|file| self.pem("/mqtt/tls/client_ca", file));
        let key = self.secret("/mqtt/tls/key_secret", &tls.key_secret).map(<[u8]>::to_vec);
        // What could not be read has its own fault.
        let (certificate, key, clients) = (
            certificate?,
            Zeroizing::new(key?),
            match clients {
                Some(clients) => Some(clients?),
                None => None,
            },
        );
        let identity =
            if tls.user_from_certificate { Identity::CommonName } else { Identity::Nothing };
        match MqttTls::new(&certificate, &key, clients.as_deref().map(|pem| (pem, identity))) {
            Ok(tls) => Some(tls),
            Err(fault) => {
                self.fault("/mqtt/tls", "tls_invalid", fault.to_string());
                None
            }
        }
    }

    /// The topics of one source.
    pub(super) fn mqtt_source(
        &mut self,
        place: &str,
        source: &SourceName,
        mqtt: &shape::MqttSource,
        format: Format,
    ) -> TopicRule {
        let mut topics = Vec::new();
        for (at, text) in mqtt.topics.iter().enumerate() {
            match Filter::parse(text) {
                Ok(filter) => topics.push(filter),
                Err(fault) => {
                    let message = format!("{text:?}: {fault}");
                    self.fault(&format!("{place}/topics/{at}"), "topic_invalid", message);
                }
            }
        }
        let payload_bytes_max = self.payload_max(place, mqtt.payload_max);
        let property = mqtt.dedupe_property.as_ref().map(|name| name.to_ascii_lowercase());
        let dedupe = property.map_or(Dedupe::Off, Dedupe::Property);
        TopicRule { source: source.clone(), topics, payload_bytes_max, dedupe, format }
    }

    /// Two sources with the same filter: nobody could say which one takes its topics.
    fn mqtt_topics_once(&mut self, sources: &BTreeMap<String, shape::Source>) {
        let mut seen = BTreeMap::new();
        for (place, name, source) in places("sources", sources) {
            for (at, topic) in source.mqtt.iter().flat_map(|mqtt| &mqtt.topics).enumerate() {
                if let Some(other) = seen.insert(topic, name) {
                    let message = format!("{topic:?} is a topic of {other} as well");
                    self.fault(&format!("{place}/mqtt/topics/{at}"), "topic_doubled", message);
                }
            }
        }
    }

    fn mqtt_access(&mut self, mqtt: &shape::Mqtt) -> Access {
        let users = mqtt.users.as_ref().map(|file| self.mqtt_users(file));
        let rules = mqtt.access.as_ref().map(|rules| {
            let rule = |(at, rule): (usize, &shape::AccessRule)| AccessRule {
                users: rule.users.clone(),
                publish: self.patterns(&format!("/mqtt/access/{at}/publish"), &rule.publish),
                subscribe: self.patterns(&format!("/mqtt/access/{at}/subscribe"), &rule.subscribe),
            };
            rules.iter().enumerate().map(rule).collect()
        });
        let tokens = mqtt.jwt.as_ref().and_then(|jwt| self.mqtt_tokens(jwt));
        Access { anonymous: mqtt.anonymous, users: users.unwrap_or_default(), tokens, rules }
    }

    fn mqtt_tokens(&mut self, jwt: &shape::Jwt) -> Option<Tokens> {
        let algorithm = match jwt.algorithm {
            shape::JwtAlgorithm::Hs256 => TokenAlgorithm::Hs256,
            shape::JwtAlgorithm::Rs256 => TokenAlgorithm::Rs256,
            shape::JwtAlgorithm::Es256 => TokenAlgorithm::Es256,
        };
        let key = self.secret("/mqtt/jwt/key_secret", &jwt.key_secret).map(<[u8]>::to_vec);
        // What could not be read has its own fault.
        let key = Zeroizing::new(key?);
        Tokens::new(algorithm, &key, jwt.issuer.clone(), jwt.audience.clone())
            .map_err(|fault| self.fault("/mqtt/jwt", "jwt_invalid", fault.to_string()))
            .ok()
    }

    fn mqtt_users(&mut self, file: &str) -> Users {
        let text = match std::fs::read_to_string(self.base.join(file)) {
            Ok(text) => text,
            Err(fault) => {
                let message = format!("cannot read {file}: {fault}");
                self.fault("/mqtt/users", "file_unreadable", message);
                return Users::default();
            }
        };
        Users::parse(&text).unwrap_or_else(|faults| {
            for fault in faults {
                self.fault("/mqtt/users", "users_invalid", format!("{file}: {fault}"));
            }
            Users::default()
        })
    }

    fn patterns(&mut self, place: &str, texts: &[String]) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(fault) => {
                    let message = format!("{text:?}: {fault}");
                    self.fault(&format!("{place}/{at}"), "topic_invalid", message);
                }
            }
        }
        patterns
    }

    fn mqtt_limits(&mut self, from: &shape::MqttLimits) -> MqttLimits {
        let mut limits = MqttLimits::default();
        for (value, into) in [
            (from.connections, &mut limits.connections_max),
            (from.connections_per_address, &mut limits.connections_per_address_max),
            (from.sessions, &mut limits.sessions_max),
            (from.subscriptions, &mut limits.subscriptions_max),
            (from.outbox_messages, &mut limits.outbox_messages_max),
            (from.waiting_messages, &mut limits.waiting_messages_max),
            (from.waiting_size.map(bytes), &mut limits.waiting_bytes_max),
            (from.retained_messages, &mut limits.retained_messages_max),
            (from.packet_max.map(bytes), &mut limits.packet_bytes_max),
            (from.outbox_size.map(bytes), &mut limits.outbox_bytes_max),
            (from.retained_size.map(bytes), &mut limits.retained_bytes_max),
        ] {
            if let Some(value) = value {
                *into = value;
            }
        }
        limits.receive_max = from.receive_max.unwrap_or(limits.receive_max);
        limits.window_max = from.window.unwrap_or(limits.window_max);
        limits.keep_alive_max = from.keep_alive_max;
        limits.rate_max = from.rate;
        if let Some(span) = from.session_expiry_max {
            // The largest number means for good; a span that long is as good.
            let seconds = u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX);
            limits.session_expiry_max = seconds;
        }
        for (name, span, into) in [
            ("connect", from.connect, &mut limits.connect),
            ("write", from.write, &mut limits.write),
        ] {
            let Some(span) = span else { continue };
            if span.0 < Duration::from_millis(10) {
                let message = "a deadline of connections is at least 10ms";
                self.fault(&format!("/mqtt/limits/{name}"), "value_out_of_range", message);
            }
            *into = span.0;
        }
        if limits.waiting_bytes_max > WAITING_BYTES_MAX {
            let message = "what is written down for sessions has at most 512MiB";
            self.fault("/mqtt/limits/waiting_size", "value_out_of_range", message);
        }
        if !(1..=WINDOW_MAX).contains(&limits.window_max) {
            let message = format!("the window is 1 to {WINDOW_MAX}");
            self.fault("/mqtt/limits/window", "value_out_of_range", message);
        }
        if !PACKET_BYTES.contains(&limits.packet_bytes_max) {
            let message = "the largest packet has 1KiB to 17MiB";
            self.fault("/mqtt/limits/packet_max", "value_out_of_range", message);
        }
        limits
    }
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

/// What the largest packet may be: the largest payload, and its properties.
const PACKET_BYTES: std::ops::RangeInclusive<usize> = 1024..=17 * 1024 * 1024;

/// What waits is state of the engine, beside sessions and retained messages.
const WAITING_BYTES_MAX: usize = 512 * 1024 * 1024;
