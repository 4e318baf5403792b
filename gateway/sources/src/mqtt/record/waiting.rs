//! A message that waits for clients, written down: who they are, and the message.

use std::num::{NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};

use super::message::json_len;
use super::{VERSION, headed, message, read_message, with_head};
use crate::mqtt::message::Message;

/// One client that a message waits for. Written without names: there may be thousands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Row", from = "Row")]
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

type Row = (String, u64, u8, bool, Vec<NonZeroU32>, Option<NonZeroU16>);

impl From<Recipient> for Row {
    fn from(one: Recipient) -> Self {
        (one.client, one.birth_ns, one.qos, one.retain, one.ids, one.packet_id)
    }
}

impl From<Row> for Recipient {
    fn from((client, birth_ns, qos, retain, ids, packet_id): Row) -> Self {
        Self { client, birth_ns, qos, retain, ids, packet_id }
    }
}

/// Bytes that a recipient takes at most when it is written down.
pub(crate) fn recipient_len(client: &str, ids: usize) -> usize {
    ROW_BYTES + json_len(client) + ID_BYTES * ids
}

/// The numbers of a row at their largest, and what is around them.
const ROW_BYTES: usize = 48;

/// A subscription identifier at its largest, with a comma.
const ID_BYTES: usize = 11;

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
        let whole = Waiting { recipients, message: message.clone() };
        assert_eq!(read_waiting(&bytes), Some(whole));
        let largest = Recipient {
            client: "\n".repeat(200),
            birth_ns: u64::MAX,
            ids: vec![NonZeroU32::MAX; 9],
            retain: false,
            ..recipient("", u16::MAX)
        };
        let more =
            waiting(std::slice::from_ref(&largest), &message).len() - waiting(&[], &message).len();
        assert!(more <= recipient_len(&largest.client, largest.ids.len()), "{more}");
        for end in 0..bytes.len() - 2 {
            assert_eq!(read_waiting(&bytes[..end]), None, "{end}");
        }
    }
}
