//! An event as a message: its topic, its properties and its payload.

use bytes::Bytes;
use sluicegate_core::event::Event;

use super::config::{MqttSinkConfig, MqttVersion};
use super::fault::MqttSinkFault;
use super::topic::Topic;
use crate::CloudEvents;
use crate::cloudevent::{STRUCTURED, attributes, structured};

/// How events become messages.
#[derive(Debug)]
pub(crate) struct Form {
    topic: Topic,
    qos: u8,
    retain: bool,
    cloudevents: CloudEvents,
    forward_headers: bool,
}

/// A message, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// Of MQTT 5; empty: none.
    pub(crate) content_type: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) payload: Bytes,
}

impl Form {
    /// The form that this configuration asks for.
    pub(crate) fn read(config: &MqttSinkConfig) -> Result<Self, MqttSinkFault> {
        let properties = config.cloudevents == CloudEvents::Binary || config.forward_headers;
        if config.version == MqttVersion::V3 && properties {
            return Err(MqttSinkFault::NoProperties);
        }
        Ok(Self {
            topic: Topic::read(&config.topic)?,
            qos: config.qos,
            retain: config.retain,
            cloudevents: config.cloudevents,
            forward_headers: config.forward_headers,
        })
    }

    /// The message of an event, or why there can be none.
    pub(crate) fn message(&self, event: &Event) -> Result<Message, String> {
        let topic = self.topic.of(event)?;
        let mut properties = match self.cloudevents {
            CloudEvents::Binary => {
                let said = attributes(event).into_iter();
                said.map(|(name, value)| (name.to_owned(), value)).collect()
            }
            CloudEvents::Structured | CloudEvents::Off => Vec::new(),
        };
        if self.cloudevents != CloudEvents::Structured {
            // Trace context is carried through, whatever else is.
            let goes = |name: &str| {
                name != "content-type" && (self.forward_headers || TRACE.contains(&name))
            };
            let headers = event.headers.iter().filter(|(name, _)| goes(name));
            let known = |name: &str| properties.iter().any(|(other, _)| other == name);
            let headers: Vec<_> = headers
                .filter(|(name, _)| !known(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            properties.extend(headers);
        }
        if properties.iter().any(|(name, value)| name.len().max(value.len()) > TEXT_BYTES_MAX) {
            return Err("an attribute is longer than a user property can be".to_owned());
        }
        let (content_type, payload) = match self.cloudevents {
            CloudEvents::Structured => (STRUCTURED.to_owned(), structured(event).into()),
            _ => (event.content_type.clone(), event.payload.clone()),
        };
        let (qos, retain) = (self.qos, self.retain);
        Ok(Message { topic, qos, retain, content_type, properties, payload })
    }
}

const TRACE: [&str; 2] = ["traceparent", "tracestate"];
const TEXT_BYTES_MAX: usize = u16::MAX as usize;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sluicegate_core::event::Parts;
    use sluicegate_core::ids::EventId;
    use sluicegate_core::time::Timestamp;

    pub(crate) fn event() -> Event {
        event_of(br#"{ "x": 1.0 }"#)
    }

    pub(crate) fn event_of(payload: &'static [u8]) -> Event {
        Event::new(Parts {
            id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 1),
            source: "plant".parse().unwrap(),
            kind: "a/b".into(),
            subject: None,
            time: None,
            received_at: Timestamp::from_unix_ms(1_700_000_000_456),
            content_type: "application/json".into(),
            attributes: [("mqtttopic", "meters/7"), ("wild", "a/+"), ("dollar", "$x")]
                .into_iter()
                .collect(),
            headers: [("x-room", "kitchen"), ("traceparent", "00-1-2-01")].into_iter().collect(),
            payload: Bytes::from_static(payload),
        })
    }

    fn form(cloudevents: CloudEvents, forward_headers: bool) -> Form {
        let topic = Topic::read("t").unwrap();
        Form { topic, qos: 1, retain: false, cloudevents, forward_headers }
    }

    #[test]
    fn attributes_are_properties_and_trace_context_goes_along() {
        let message = form(CloudEvents::Binary, false).message(&event()).unwrap();
        let find = |name: &str| {
            message.properties.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(find("specversion"), Some("1.0"));
        assert_eq!(find("type"), Some("a/b"));
        assert_eq!(find("traceparent"), Some("00-1-2-01"));
        assert_eq!(find("x-room"), None);
        assert_eq!(message.content_type, "application/json");
        let message = form(CloudEvents::Off, true).message(&event()).unwrap();
        assert_eq!(message.properties.len(), 2);
        let message = form(CloudEvents::Structured, false).message(&event()).unwrap();
        assert!(message.properties.is_empty() && message.content_type == STRUCTURED);
    }
}
