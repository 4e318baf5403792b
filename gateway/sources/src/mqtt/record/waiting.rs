//! A message that waits for clients, written down: who they are, and the message.

use std::num::{NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};

use super::{VERSION, headed, message, read_message, with_head};
use crate::mqtt::message::Message;

/// One client that a message waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recipient {
    pub(crate) client: String,
    /// When its session began, in nanoseconds since 1970.
    pub(crate) birth_ns: u64,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// Subscription identifiers.
    pub(crate) ids: Vec<NonZeroU32>,
    /// Of QoS 2: the packet id that the message has for this client.
    pub(crate) packet_id: Option<NonZeroU16>,
}

/// A message that waits for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) message: Message,
}

#[derive(Serialize)]
struct HeadOf<'a> {
    version: u8,
    topic: &'a str,
    recipients: &'a [Recipient],
}

#[derive(Deserialize)]
struct Head {
    version: u8,
    topic: String,
    recipients: Vec<Recipient>,
}

/// A message that waits for these clients, written down.
pub(crate) fn waiting(recipients: &[Recipient], of: &Message) -> Vec<u8> {
    let head = HeadOf { version: VERSION, topic: &of.topic, recipients };
    with_head(&head, &message(of))
}

/// A message that waits for clients and was written down.
pub(crate) fn read_waiting(bytes: &[u8]) -> Option<Waiting> {
    let (head, rest): (Head, _) = headed(bytes)?;
    if head.version != VERSION {
        return None;
    }
    Some(Waiting { recipients: head.recipients, message: read_message(&head.topic, rest)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::wire::{PublishProperties, QoS};

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        let message = Message {
            topic: "é/x".into(),
            payload: bytes::Bytes::from_static(b"\x00\xff"),
            qos: QoS::ExactlyOnce,
            retain: false,
            properties: PublishProperties::default(),
            expires_at: None,
            publisher: Some("p".into()),
        };
        let recipient = |client: &str, packet_id| Recipient {
            client: client.to_owned(),
            birth_ns: 7,
            qos: 2,
            retain: true,
            ids: vec![NonZeroU32::MIN],
            packet_id: NonZeroU16::new(packet_id),
        };
        let recipients = vec![recipient("a", 0), recipient("b", 9)];
        let bytes = waiting(&recipients, &message);
        assert_eq!(read_waiting(&bytes), Some(Waiting { recipients, message }));
        for end in 0..bytes.len() - 2 {
            assert_eq!(read_waiting(&bytes[..end]), None, "{end}");
        }
    }
}
