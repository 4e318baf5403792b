//! An event as a message: its address, its properties and its body.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use sluicegate_core::event::Event;

use super::config::AmqpSinkConfig;
use super::fault::AmqpSinkFault;
use super::typed::Types;
use crate::CloudEvents;
use crate::cloudevent::{STRUCTURED, attributes, structured};
use crate::template::Template;

/// How events become messages.
#[derive(Debug)]
pub(crate) struct Form {
    exchange: Template,
    routing_key: Template,
    persistent: bool,
    cloudevents: CloudEvents,
    headers: Vec<(ShortString, String)>,
    forward: bool,
}

/// A message, ready to be published.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

impl Form {
    /// The form that this configuration asks for.
    pub(crate) fn read(config: &AmqpSinkConfig) -> Result<Self, AmqpSinkFault> {
        let mut headers = Vec::new();
        for (name, value) in &config.headers {
            if is_reserved(name) {
                return Err(AmqpSinkFault::HeaderReserved(name.clone()));
            }
            let too_long = |_| AmqpSinkFault::TooLong { what: format!("header {name:?}") };
            let name = ShortString::try_new(name.as_str()).map_err(too_long)?;
            headers.push((name, value.clone()));
        }
        Ok(Self {
            exchange: template(&config.exchange)?,
            routing_key: template(&config.routing_key)?,
            persistent: config.persistent,
            cloudevents: config.cloudevents,
            headers,
            forward: config.forward_headers,
        })
    }

    /// The message of an event, or why there can be none.
    pub(crate) fn message(&self, event: &Event) -> Result<Message, String> {
        let name = |template: &Template, what: &str| {
            let text = template.fill(event)?;
            ShortString::try_new(text).map_err(|_| format!("{what} is longer than 255 bytes"))
        };
        let exchange = name(&self.exchange, "exchange")?;
        if exchange.as_str().is_empty() && !self.exchange.parts().is_empty() {
            // The default exchange, whose keys are the names of all queues, is the operator's to
            // name, and not an event's.
            return Err("exchange is empty, as the event fills it".to_owned());
        }
        let routing_key = name(&self.routing_key, "routing key")?;
        let headers = self.headers(event);
        let bytes = weight(&headers);
        if bytes > HEADER_BYTES_MAX {
            return Err(format!("headers have {bytes} bytes, and a frame has room for fewer"));
        }
        let (body, content_type) = match self.cloudevents {
            CloudEvents::Structured => (structured(event).into(), STRUCTURED),
            CloudEvents::Binary | CloudEvents::Off => {
                (event.payload.clone(), event.content_type.as_str())
            }
        };
        let properties = self.properties(event, content_type).with_headers(headers);
        Ok(Message { exchange, routing_key, properties, body })
    }

    fn properties(&self, event: &Event, content_type: &str) -> BasicProperties {
        type With = fn(BasicProperties, ShortString) -> BasicProperties;
        let seconds = event.time.unwrap_or(event.received_at).unix_ms() / 1000;
        let id = event.id.to_string();
        let said = |name: &str| event.attributes.first(name).unwrap_or_default();
        let texts: [(&str, With); 6] = [
            (content_type, BasicProperties::with_content_type),
            (event.headers.first("content-encoding").unwrap_or_default(), {
                BasicProperties::with_content_encoding
            }),
            (&id, BasicProperties::with_message_id),
            (&event.kind, BasicProperties::with_type),
            (said("amqpcorrelationid"), BasicProperties::with_correlation_id),
            (said("amqpreplyto"), BasicProperties::with_reply_to),
        ];
        let start = BasicProperties::default()
            .with_delivery_mode(if self.persistent { 2 } else { 1 })
            .with_timestamp(seconds);
        let priority = said("amqppriority").parse().ok();
        let start = match priority {
            Some(priority) => start.with_priority(priority),
            None => start,
        };
        // A text that is too long for its property is among the attributes.
        texts.into_iter().filter(|(text, _)| !text.is_empty()).fold(start, |all, (text, with)| {
            match ShortString::try_new(text) {
                Ok(text) => with(all, text),
                Err(_) => all,
            }
        })
    }

    fn headers(&self, event: &Event) -> FieldTable {
        let mut table = FieldTable::default();
        let mut put = |name: &str, value: AMQPValue| {
            if let Ok(name) = ShortString::try_new(name) {
                table.insert(name, value);
            }
        };
        for name in TRACE {
            let said = event.headers.first(name).or_else(|| event.attributes.first(name));
            if let Some(value) = said {
                put(name, AMQPValue::LongString(value.into()));
            }
        }
        if self.forward {
            let types = Types::read(event.attributes.first("amqptypes").unwrap_or_default());
            for (name, text) in event.headers.iter() {
                let (name, value) = types.header(name, text);
                // The event says anew what it is: two answers would be none.
                let is_said = self.cloudevents != CloudEvents::Off && name.starts_with("ce-");
                if !is_reserved(&name) && !is_said && !OF_HTTP.contains(&name.as_str()) {
                    put(&name, value);
                }
            }
        }
        if self.cloudevents == CloudEvents::Binary {
            for (name, value) in attributes(event) {
                put(&format!("cloudEvents_{name}"), AMQPValue::LongString(value.into()));
            }
        }
        for (name, value) in &self.headers {
            put(name.as_str(), AMQPValue::LongString(value.as_str().into()));
        }
        table
    }
}

fn template(text: &str) -> Result<Template, AmqpSinkFault> {
    let malformed = || AmqpSinkFault::TemplateMalformed { template: text.to_owned() };
    Template::read(text).ok_or_else(malformed)
}

/// Names that the sink sets itself, and those that RabbitMQ sends copies by.
fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["CC", "BCC"].contains(&name)
        || ["content-type", "content-encoding"].contains(&lower.as_str())
        || lower.starts_with("cloudevents:")
        || lower.starts_with("cloudevents_")
}

/// Bytes that the headers take in their frame, about.
fn weight(table: &FieldTable) -> usize {
    table.into_iter().map(|(name, value)| name.as_str().len() + 2 + value_weight(value)).sum()
}

fn value_weight(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldTable(table) => 4 + weight(table),
        AMQPValue::FieldArray(items) => {
            4 + items.as_slice().iter().map(|item| 1 + value_weight(item)).sum::<usize>()
        }
        _ => 9,
    }
}

/// Headers that speak of an HTTP connection and not of the event.
const OF_HTTP: [&str; 5] =
    ["connection", "content-length", "host", "keep-alive", "transfer-encoding"];

/// What W3C has for the trace that an event belongs to.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// All headers stand in one frame. Brokers agree to 128 KiB, and names and texts are besides.
const HEADER_BYTES_MAX: usize = 96 * 1024;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixture::event;
    use std::sync::Arc;
    use std::time::Duration;

    pub(in crate::amqp) fn config() -> AmqpSinkConfig {
        AmqpSinkConfig {
            name: "out".into(),
            connect: Arc::new(|| Box::pin(async { Err("nowhere".to_owned()) })),
            exchange: "events".into(),
            routing_key: "{type}".into(),
            persistent: true,
            on_unroutable: None,
            cloudevents: CloudEvents::Off,
            headers: vec![("x-static".into(), "1".into())],
            forward_headers: false,
            timeout: Duration::from_secs(1),
            dice: Arc::new(|| 0),
        }
    }

    fn message(config: &AmqpSinkConfig) -> Message {
        Form::read(config).unwrap().message(&event()).unwrap()
    }

    fn names(message: &Message) -> Vec<String> {
        let headers = message.properties.headers().as_ref().unwrap();
        headers.into_iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn properties_say_what_the_event_is_and_the_trace_goes_on() {
        let message = message(&config());
        let properties = &message.properties;
        assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("events", "push"));
        let id = event().id.to_string();
        assert_eq!(properties.message_id().as_ref().map(ShortString::as_str), Some(id.as_str()));
        assert_eq!(properties.kind().as_ref().map(ShortString::as_str), Some("push"));
        assert_eq!(properties.correlation_id().as_ref().map(ShortString::as_str), Some("c-1"));
        assert_eq!((*properties.delivery_mode(), *properties.priority()), (Some(2), Some(5)));
        assert_eq!(*properties.timestamp(), Some(1_700_000_000));
        assert_eq!(names(&message), ["traceparent", "x-static"]);
        assert_eq!(message.body.as_ref(), b"{}");
    }

    #[test]
    fn headers_go_out_with_their_types_but_for_those_that_would_send_copies() {
        let message = message(&AmqpSinkConfig { forward_headers: true, ..config() });
        assert_eq!(names(&message), ["X-Count", "traceparent", "x-static", "x-team"]);
        let headers = message.properties.headers().as_ref().unwrap();
        assert_eq!(headers.inner().get("X-Count"), Some(&AMQPValue::LongInt(7)));
    }

    #[test]
    fn a_cloudevent_goes_out_in_headers_or_in_the_body() {
        let binary = message(&AmqpSinkConfig { cloudevents: CloudEvents::Binary, ..config() });
        let headers = binary.properties.headers().as_ref().unwrap();
        for (name, value) in [("cloudEvents_type", "push"), ("cloudEvents_region", "eu")] {
            assert_eq!(headers.inner().get(name), Some(&AMQPValue::LongString(value.into())));
        }
        let cloudevents = CloudEvents::Structured;
        let structured = message(&AmqpSinkConfig { cloudevents, ..config() });
        let media = structured.properties.content_type().clone().unwrap().to_string();
        assert_eq!(media, STRUCTURED);
        assert!(structured.body.starts_with(b"{"));
    }

    #[test]
    fn what_cannot_be_a_message_is_said_before_it_is_sent() {
        let long = AmqpSinkConfig { routing_key: "x".repeat(256), ..config() };
        let why = Form::read(&long).unwrap().message(&event()).unwrap_err();
        assert!(why.contains("routing key"), "{why}");
        let filled = AmqpSinkConfig { exchange: "{subject}".into(), ..config() };
        let mut unsaid = event();
        unsaid.parts_mut().subject = Some(String::new());
        let why = Form::read(&filled).unwrap().message(&unsaid).unwrap_err();
        assert!(why.contains("exchange is empty"), "{why}");
        let default = Form::read(&AmqpSinkConfig { exchange: String::new(), ..config() }).unwrap();
        assert!(default.message(&event()).unwrap().exchange.as_str().is_empty());
        let form = Form::read(&AmqpSinkConfig { forward_headers: true, ..config() }).unwrap();
        let mut large = event();
        large.parts_mut().headers.push("n", &"x".repeat(HEADER_BYTES_MAX));
        assert!(form.message(&large).unwrap_err().contains("frame"));
        for name in ["Content-Type", "cloudEvents:id", "BCC"] {
            let headers = vec![(name.to_owned(), String::new())];
            let fault = Form::read(&AmqpSinkConfig { headers, ..config() }).unwrap_err();
            assert_eq!(fault.code(), "sink_header_reserved", "{name}");
        }
    }
}
