//! A message, written down without its topic: the length of a JSON head in four bytes, that head,
//! and the payload as it is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluicegate_core::time::Timestamp;

use crate::mqtt::message::Message;
use crate::mqtt::wire::{ByteString, PublishProperties, QoS};

use super::{VERSION, headed, with_head};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    version: u8,
    qos: u8,
    retain: bool,
    text: bool,
    content_type: Option<String>,
    response_topic: Option<String>,
    correlation_data: Option<Vec<u8>>,
    user_properties: Vec<(String, String)>,
    expires_ns: Option<u64>,
    publisher: Option<String>,
}

/// A message, written down without its topic.
pub(crate) fn message(message: &Message) -> Vec<u8> {
    let properties = &message.properties;
    let text = |text: &ByteString| text.to_string();
    let head = Head {
        version: VERSION,
        qos: message.qos.value(),
        retain: message.retain,
        text: properties.is_utf8_payload,
        content_type: properties.content_type.as_ref().map(text),
        response_topic: properties.response_topic.as_ref().map(text),
        correlation_data: properties.correlation_data.as_ref().map(|data| data.to_vec()),
        user_properties: properties
            .user_properties
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        expires_ns: message.expires_at.map(Timestamp::unix_ns),
        publisher: message.publisher.as_ref().map(|name| name.to_string()),
    };
    with_head(&head, &message.payload)
}

/// Bytes that a message takes at most when it is written down, with its topic.
pub(crate) fn message_len(message: &Message) -> usize {
    let properties = &message.properties;
    let text = |text: &Option<ByteString>| text.as_ref().map_or(0, |text| json_len(text));
    let pair = |(name, value): &(ByteString, ByteString)| json_len(name) + json_len(value) + 3;
    HEAD_BYTES
        + json_len(&message.topic)
        + message.payload.len()
        + text(&properties.content_type)
        + text(&properties.response_topic)
        // Each byte is a number with a comma.
        + properties.correlation_data.as_ref().map_or(0, |data| 4 * data.len())
        + properties.user_properties.iter().map(pair).sum::<usize>()
        + message.publisher.as_ref().map_or(0, |name| json_len(name))
}

/// Bytes that a text takes as JSON, its quotes with it.
pub(super) fn json_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

/// The names of the head, and its numbers at their largest.
const HEAD_BYTES: usize = 256;

/// A message that was written down.
pub(crate) fn read_message(topic: &str, bytes: &[u8]) -> Option<Message> {
    let (head, payload): (Head, _) = headed(bytes)?;
    if head.version != VERSION {
        return None;
    }
    let pairs = head.user_properties.into_iter().map(|(name, value)| (name.into(), value.into()));
    Some(Message {
        topic: topic.into(),
        payload: Bytes::copy_from_slice(payload),
        qos: QoS::try_from(head.qos).ok()?,
        retain: head.retain,
        properties: PublishProperties {
            is_utf8_payload: head.text,
            content_type: head.content_type.map(ByteString::from),
            response_topic: head.response_topic.map(ByteString::from),
            correlation_data: head.correlation_data.map(Bytes::from),
            user_properties: pairs.collect(),
            ..PublishProperties::default()
        },
        expires_at: head.expires_ns.map(Timestamp::from_unix_ns),
        publisher: head.publisher.map(|name| name.as_str().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        for bad in [&b""[..], b"{}", b"\x00\x00\x00\x01{", b"\xff\xff\xff\xffabc"] {
            assert!(read_message("t", bad).is_none());
        }
        let kept = Message {
            topic: "a/b".into(),
            payload: Bytes::from_static(b"\x00\xff payload"),
            qos: QoS::ExactlyOnce,
            retain: true,
            properties: PublishProperties {
                is_utf8_payload: true,
                content_type: Some("text/plain".into()),
                response_topic: Some("r".into()),
                correlation_data: Some(Bytes::from_static(&[0, 255])),
                user_properties: vec![("K".into(), "é".into()), ("K".into(), "".into())],
                ..PublishProperties::default()
            },
            expires_at: Some(Timestamp::from_unix_ns(5)),
            publisher: Some("c".into()),
        };
        assert_eq!(read_message("a/b", &message(&kept)), Some(kept));
    }

    #[test]
    fn what_is_written_down_is_never_longer_than_reckoned() {
        let nasty = || ByteString::from("\u{1}\"\\é\n".repeat(1000));
        let kept = Message {
            topic: nasty(),
            payload: Bytes::from_static(b"\x00"),
            qos: QoS::ExactlyOnce,
            retain: true,
            properties: PublishProperties {
                content_type: Some(nasty()),
                response_topic: Some(nasty()),
                correlation_data: Some(Bytes::from(vec![255; 5000])),
                user_properties: vec![(nasty(), nasty()); 10],
                ..PublishProperties::default()
            },
            expires_at: Some(Timestamp::from_unix_ns(u64::MAX)),
            publisher: Some("c".into()),
        };
        let (len, most) = (message(&kept).len() + json_len(&kept.topic), message_len(&kept));
        assert!(len <= most && most < len + len / 2 + HEAD_BYTES, "{len} of {most}");
    }
}
