//! Which source takes what is published to a topic, and the delivery that it becomes.

use std::net::IpAddr;
use std::sync::Arc;

use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::SourceName;
use sluicegate_core::refusal::Refusal;

use super::reading;
use super::topic::Filter;
use super::wire::{Publish, QoS};
use crate::format::Format;

/// The topics of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    /// The source.
    pub source: SourceName,
    /// Its topics.
    pub topics: Vec<Filter>,
    /// A longer payload is refused.
    pub payload_bytes_max: usize,
    /// What makes two messages the same.
    pub dedupe: Dedupe,
    /// What its messages hold.
    pub format: Format,
}

/// What makes two messages of one client the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dedupe {
    /// Nothing: each is a message of its own.
    Off,
    /// The value of this user property, in lower case.
    Property(String),
}

/// Which source takes which topic.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The filter that says more first.
    by_precision: Vec<(Filter, Arc<TopicRule>)>,
}

/// Who published.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) client: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) peer: Option<IpAddr>,
}

impl Claims {
    pub(crate) fn new(rules: Vec<TopicRule>) -> Self {
        let mut by_precision = Vec::new();
        for rule in rules {
            let rule = Arc::new(rule);
            let filters = rule.topics.iter().cloned();
            by_precision.extend(filters.map(|filter| (filter, Arc::clone(&rule))));
        }
        by_precision.sort_by(|(one, _), (other, _)| one.by_precision(other));
        Self { by_precision }
    }

    /// What a PUBLISH is to its source.
    ///
    /// # Errors
    /// When no source takes the topic, or the message is over a bound.
    pub(crate) fn delivery(
        &self,
        publish: &Publish,
        publisher: &Publisher,
    ) -> Result<Delivery, Refusal> {
        let claim = self.by_precision.iter().find(|(filter, _)| filter.takes(&publish.topic));
        let Some((_, rule)) = claim else { return Err(Refusal::NoSource) };
        if publish.payload.len() > rule.payload_bytes_max {
            return Err(Refusal::TooLarge { limit_bytes: rule.payload_bytes_max });
        }
        let headers = reading::headers(rule.format, publish)?;
        let attributes = attributes(publish, publisher);
        let mut transport =
            Transport { attributes, kind: Some(KIND.to_owned()), ..Transport::default() };
        transport.comes_again = publish.qos != QoS::AtMostOnce;
        transport.dedupe = dedupe(&rule.dedupe, &headers, &publisher.client);
        Ok(Delivery {
            source: rule.source.clone(),
            method: METHOD.to_owned(),
            target: publish.topic.to_string(),
            headers,
            body: publish.payload.clone(),
            peer: publisher.peer,
            transport,
        })
    }
}

/// What the event says of its message; see `gateway/docs/MQTT.md`.
fn attributes(publish: &Publish, publisher: &Publisher) -> Fields {
    let mut all = attributes_of_message(publish);
    all.push("mqttclientid", &publisher.client);
    if let Some(user) = &publisher.user {
        all.push("mqttuser", user);
    }
    all
}

/// What the event says of its message, whoever published it.
pub(crate) fn attributes_of_message(publish: &Publish) -> Fields {
    let mut all = Fields::new();
    all.push("mqtttopic", &publish.topic);
    all.push("mqttqos", qos(publish.qos));
    if publish.retain {
        all.push("mqttretain", "true");
    }
    let Some(properties) = &publish.properties else { return all };
    if let Some(topic) = &properties.response_topic {
        all.push("mqttresponsetopic", topic);
    }
    if let Some(data) = &properties.correlation_data {
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        all.push("mqttcorrelationdata", &hex);
    }
    if let Some(seconds) = properties.message_expiry_interval {
        all.push("mqttexpiry", &seconds.to_string());
    }
    if properties.is_utf8_payload {
        all.push("mqttpayloadformat", "utf-8");
    }
    all
}

fn qos(qos: QoS) -> &'static str {
    match qos {
        QoS::AtMostOnce => "0",
        QoS::AtLeastOnce => "1",
        QoS::ExactlyOnce => "2",
    }
}

/// The client is part of the key: another one must not be able to take its messages away.
pub(crate) fn dedupe(rule: &Dedupe, headers: &Fields, client: &str) -> Option<String> {
    match rule {
        Dedupe::Off => None,
        Dedupe::Property(name) => {
            let value = headers.first(name).filter(|value| !value.is_empty())?;
            Some(format!("{client}\n{value}"))
        }
    }
}

pub(crate) const METHOD: &str = "PUBLISH";
pub(crate) const KIND: &str = "mqtt.publish";
