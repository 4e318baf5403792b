//! The will of a client, written down: whose it is, and the message that it becomes.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{VERSION, headed, message, read_message, with_head};
use crate::mqtt::message::Message;
use crate::mqtt::seat::Will;
use crate::mqtt::wire::Publish;
use sluicegate_core::time::Timestamp;

#[derive(Serialize, Deserialize)]
struct Head {
    version: u8,
    client: String,
    user: Option<String>,
    delay_s: u32,
    /// Its expiry begins when it is published.
    expiry_s: Option<NonZeroU32>,
    topic: String,
}

/// A will, written down.
pub(crate) fn will(will: &Will) -> Vec<u8> {
    let properties = will.publish.properties.as_ref();
    let head = Head {
        version: VERSION,
        client: will.client.to_string(),
        user: will.user.as_ref().map(|name| name.to_string()),
        delay_s: will.delay,
        expiry_s: properties.and_then(|all| all.message_expiry_interval),
        topic: will.publish.topic.to_string(),
    };
    // The time says nothing: the expiry is in the head.
    let of = Message::published(&will.publish, &will.client, Timestamp::from_unix_ns(0));
    with_head(&head, &message(&Message { expires_at: None, ..of }))
}

/// A will that was written down under this number.
pub(crate) fn read_will(number: u64, bytes: &[u8]) -> Option<Will> {
    let (head, rest): (Head, _) = headed(bytes)?;
    if head.version != VERSION {
        return None;
    }
    let of = read_message(&head.topic, rest)?;
    let mut properties = of.properties;
    properties.message_expiry_interval = head.expiry_s;
    Some(Will {
        publish: Publish {
            dup: false,
            retain: of.retain,
            qos: of.qos,
            topic: of.topic,
            packet_id: None,
            payload: of.payload,
            properties: Some(properties),
        },
        client: head.client.into(),
        user: head.user.map(|name| name.into()),
        delay: head.delay_s,
        number: Some(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::wire::{PublishProperties, QoS};

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        let kept = Will {
            publish: Publish {
                dup: false,
                retain: true,
                qos: QoS::ExactlyOnce,
                topic: "wills/é".into(),
                packet_id: None,
                payload: bytes::Bytes::from_static(b"gone"),
                properties: Some(PublishProperties {
                    message_expiry_interval: NonZeroU32::new(5),
                    content_type: Some("text/plain".into()),
                    ..PublishProperties::default()
                }),
            },
            client: "c".into(),
            user: Some("u".into()),
            delay: 3,
            number: Some(8),
        };
        assert_eq!(read_will(8, &will(&kept)), Some(kept));
        assert_eq!(read_will(8, b""), None);
    }
}
