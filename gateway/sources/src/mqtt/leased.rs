//! An event of a queue as a message.

use bytes::Bytes;
use sluicegate_core::event::Event;

use super::message::Message;
use super::subscribing::TakesFrom;
use super::topic;
use super::wire::{ByteString, PublishProperties};

/// An event as a message: its attributes are user properties, as the binding of CloudEvents to
/// MQTT 5 has it, and its headers follow them. What came as a property of MQTT goes as one.
pub(super) fn message(from: &TakesFrom, event: &Event) -> Message {
    let mut pairs: Vec<(ByteString, ByteString)> = vec![
        ("specversion".into(), "1.0".into()),
        ("id".into(), event.id.to_string().into()),
        ("source".into(), event.source.as_str().into()),
        ("type".into(), event.kind.as_str().into()),
    ];
    let subject = event.subject.as_ref().map(|s| ("subject".into(), s.as_str().into()));
    pairs.extend(subject);
    pairs.extend(event.time.map(|time| ("time".into(), time.rfc3339().into())));
    let mut properties = PublishProperties::default();
    for (name, value) in event.attributes.iter() {
        if !take_up(&mut properties, name, value) {
            pairs.push((name.into(), value.into()));
        }
    }
    let headers = event.headers.iter().filter(|(name, _)| *name != "content-type");
    pairs.extend(headers.map(|(name, value)| (name.into(), value.into())));
    let content_type = (!event.content_type.is_empty()).then(|| event.content_type.as_str().into());
    Message {
        topic: ByteString::from(&*from.filter),
        payload: Bytes::clone(&event.payload),
        qos: from.grant.options.qos,
        retain: false,
        properties: PublishProperties { content_type, user_properties: pairs, ..properties },
        expires_at: None,
        publisher: None,
    }
}

/// Takes an attribute up as the property that it was. `false`: it was none, or cannot be one.
fn take_up(properties: &mut PublishProperties, name: &str, value: &str) -> bool {
    match name {
        "mqttresponsetopic" if topic::is_name(value) => {
            properties.response_topic = Some(value.into());
        }
        "mqttcorrelationdata" => match unhex(value) {
            Some(data) => properties.correlation_data = Some(data),
            None => return false,
        },
        _ => return false,
    }
    true
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 2 * usize::from(u16::MAX) {
        return None;
    }
    let byte = |pair: &[u8]| {
        let digit = |at: usize| pair.get(at).and_then(|d| char::from(*d).to_digit(16));
        u8::try_from(digit(0)? << 4 | digit(1)?).ok()
    };
    digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}
