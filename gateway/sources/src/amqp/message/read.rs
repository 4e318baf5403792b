//! Reads one message: its properties become attributes, its headers text, its body stays as it is.
//!
//! The attributes are listed in `gateway/docs/AMQP.md`; how the types of headers are kept, in
//! [`super::types`].

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::{HEADER_BYTES_MAX, HEADERS_MAX};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;

use super::types::Types;
use super::values::read_table;
use crate::amqp::config::{Dedupe, QueueRule};
use crate::amqp::guard::{Delivered, Unreadable};
use crate::format::Format;

/// A message of a broker.
#[derive(Debug)]
pub(in crate::amqp) struct Message {
    pub(in crate::amqp) tag: u64,
    pub(in crate::amqp) exchange: ShortString,
    pub(in crate::amqp) routing_key: ShortString,
    pub(in crate::amqp) redelivered: bool,
    pub(in crate::amqp) properties: BasicProperties,
    pub(in crate::amqp) body: Bytes,
    /// Why it is here without properties and body.
    pub(in crate::amqp) unreadable: Option<Unreadable>,
    /// How often it was tried and put off.
    pub(in crate::amqp) put_off: u32,
    /// When it came on this channel: every try of it is judged as of then.
    pub(in crate::amqp) came_at: Option<Timestamp>,
}

impl Message {
    /// A message that came at this time.
    pub(in crate::amqp) fn new(delivered: Delivered, came_at: Option<Timestamp>) -> Self {
        let Delivered { tag, redelivered, exchange, routing_key, content } = delivered;
        let unreadable = content.as_ref().err().copied();
        let (properties, body) = content.unwrap_or_default();
        let put_off = 0;
        Self {
            tag,
            exchange,
            routing_key,
            redelivered,
            properties,
            body,
            unreadable,
            put_off,
            came_at,
        }
    }
}

/// Reads a message as a delivery.
///
/// # Errors
/// When it is over a bound, or could not be read at all.
pub(in crate::amqp) fn read(rule: &QueueRule, message: &Message) -> Result<Delivery, Refusal> {
    let properties = &message.properties;
    if let Some(why) = message.unreadable {
        return Err(match why {
            Unreadable::TooLarge => Refusal::TooLarge { limit_bytes: rule.payload_bytes_max },
            other => Refusal::Malformed { what: other.what() },
        });
    }
    if message.body.len() > rule.payload_bytes_max {
        return Err(Refusal::TooLarge { limit_bytes: rule.payload_bytes_max });
    }
    let (headers, types) = headers(rule.format, properties);
    if headers.len() > HEADERS_MAX || headers.text_len() + types.text().len() > HEADER_BYTES_MAX {
        return Err(Refusal::HeadersTooLarge);
    }
    let transport = transport(rule, message, &types);
    Ok(Delivery {
        source: rule.source.clone(),
        method: "DELIVER".to_owned(),
        target: format!("{}/{}", message.exchange, message.routing_key),
        headers,
        body: message.body.clone(),
        peer: None,
        transport,
    })
}

/// The headers, with the two properties that are headers elsewhere before them.
fn headers(format: Format, properties: &BasicProperties) -> (Fields, Types) {
    let (mut headers, mut types) = (Fields::new(), Types::default());
    let mut taken = Vec::new();
    for (name, value) in [
        ("content-type", properties.content_type()),
        ("content-encoding", properties.content_encoding()),
    ] {
        if let Some(value) = value {
            headers.push(name, value.as_str());
            taken.push(name);
        }
    }
    if let Some(table) = properties.headers() {
        read_table(table, &taken, format, &mut headers, &mut types);
    }
    (headers, types)
}

fn transport(rule: &QueueRule, message: &Message, types: &Types) -> Transport {
    let properties = &message.properties;
    let mut attributes = Fields::with_capacity(12, 256);
    attributes.push("amqpqueue", &rule.queue);
    attributes.push("amqpexchange", message.exchange.as_str());
    attributes.push("amqproutingkey", message.routing_key.as_str());
    if message.redelivered {
        attributes.push("amqpredelivered", "true");
    }
    for (name, value) in [
        ("amqpmessageid", properties.message_id()),
        ("amqpcorrelationid", properties.correlation_id()),
        ("amqpreplyto", properties.reply_to()),
        ("amqptype", properties.kind()),
        ("amqpappid", properties.app_id()),
        ("amqpuserid", properties.user_id()),
        ("amqpexpiration", properties.expiration()),
    ] {
        if let Some(value) = value {
            attributes.push(name, value.as_str());
        }
    }
    let mut number = |name: &str, value: Option<u64>| {
        if let Some(value) = value {
            attributes.push(name, &value.to_string());
        }
    };
    number("amqppriority", properties.priority().map(u64::from));
    number("amqptimestamp", *properties.timestamp());
    if let Some(headers) = properties.headers() {
        number("amqpdeliverycount", headers.inner().get("x-delivery-count").and_then(whole));
        deaths(headers, &mut attributes);
    }
    if !types.text().is_empty() {
        attributes.push("amqptypes", types.text());
    }
    let text = |value: &Option<ShortString>| {
        value.as_ref().map(ShortString::to_string).filter(|text| !text.is_empty())
    };
    let id = text(properties.message_id()).filter(|_| rule.dedupe == Dedupe::MessageId);
    // A message id is a producer's own: the same one may come on another queue.
    // The length says where the name of the queue ends: it may hold spaces.
    let dedupe = id.map(|id| format!("{}:{} {id}", rule.queue.len(), rule.queue));
    let time = properties.timestamp().map(|seconds| seconds.saturating_mul(1000));
    let time = time.map(Timestamp::from_unix_ms);
    let (kind, comes_again) = (text(properties.kind()), true);
    let came_at = message.came_at;
    Transport { attributes, kind, time, dedupe, comes_again, came_at, ..Transport::default() }
}

/// What the newest entry of `x-death` says of how the message came here.
fn deaths(headers: &FieldTable, attributes: &mut Fields) {
    let Some(AMQPValue::FieldArray(all)) = headers.inner().get("x-death") else { return };
    let Some(AMQPValue::FieldTable(newest)) = all.as_slice().first() else { return };
    if let Some(count) = newest.inner().get("count").and_then(whole) {
        attributes.push("amqpdeathcount", &count.to_string());
    }
    for (name, member) in [("amqpdeathqueue", "queue"), ("amqpdeathreason", "reason")] {
        if let Some(AMQPValue::LongString(text)) = newest.inner().get(member)
            && let Ok(text) = std::str::from_utf8(text.as_bytes())
        {
            attributes.push(name, text);
        }
    }
}

fn whole(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::LongLongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongUInt(number) => Some(u64::from(*number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
