//! A message as subscribers get it, and the right to settle one that came out of a queue.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::queue::LeaseReceipt;
use sluicegate_core::time::Timestamp;

use super::ledger::Share;
use super::wire::{ByteString, LastWill, Publish, PublishProperties, QoS};

/// A message that was published. Shared by all who get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: ByteString,
    pub(crate) payload: Bytes,
    /// As it was published.
    pub(crate) qos: QoS,
    /// As it was published.
    pub(crate) retain: bool,
    /// Without a topic alias, subscription identifiers and expiry: those are of one connection.
    pub(crate) properties: PublishProperties,
    /// From then on it is not handed out.
    pub(crate) expires_at: Option<Timestamp>,
    /// Who published it, for subscribers that do not want their own.
    pub(crate) publisher: Option<Arc<str>>,
}

impl Message {
    /// What a client published at `now`. Nothing of it holds the buffer that it came in.
    pub(crate) fn published(publish: &Publish, publisher: &Arc<str>, now: Timestamp) -> Self {
        let mut properties = publish.properties.clone().unwrap_or_default();
        properties.topic_alias = None;
        properties.subscription_ids.clear();
        let expiry = properties.message_expiry_interval.take();
        Self {
            topic: owned(&publish.topic),
            payload: Bytes::copy_from_slice(&publish.payload),
            qos: publish.qos,
            retain: publish.retain,
            properties: PublishProperties {
                correlation_data: properties.correlation_data.map(|d| Bytes::copy_from_slice(&d)),
                content_type: properties.content_type.map(|text| owned(&text)),
                response_topic: properties.response_topic.map(|text| owned(&text)),
                user_properties: properties
                    .user_properties
                    .iter()
                    .map(|(name, value)| (owned(name), owned(value)))
                    .collect(),
                ..properties
            },
            expires_at: expiry.map(|s| now.plus(Duration::from_secs(s.get().into()))),
            publisher: Some(Arc::clone(publisher)),
        }
    }

    /// Bytes that it takes in memory, about.
    pub(crate) fn weight(&self) -> usize {
        let properties = &self.properties;
        let pairs = properties.user_properties.iter().map(|(n, v)| n.len() + v.len() + 64);
        self.topic.len()
            + self.payload.len()
            + properties.correlation_data.as_ref().map_or(0, Bytes::len)
            + pairs.sum::<usize>()
            + 256
    }

    /// Bytes of the PUBLISH of MQTT 5 that hands it out with so many subscription identifiers, at
    /// most: a few less with QoS 0, without a topic alias, and in 3.1.1.
    pub(crate) fn packet_len_max(&self, ids: usize) -> usize {
        let properties = &self.properties;
        let text = |text: &Option<ByteString>| text.as_ref().map_or(0, |text| 3 + text.len());
        let pairs = properties.user_properties.iter().map(|(n, v)| 5 + n.len() + v.len());
        PACKET_HEAD_BYTES
            + self.topic.len()
            + text(&properties.content_type)
            + text(&properties.response_topic)
            + properties.correlation_data.as_ref().map_or(0, |data| 3 + data.len())
            + pairs.sum::<usize>()
            + 5 * ids
            + self.payload.len()
    }

    /// Whether it is over at `now`.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// The PUBLISH that hands it out.
    pub(crate) fn packet(&self, how: &Handing, now: Timestamp) -> Publish {
        let left = self.expires_at.map(|end| end.since(now).as_secs().max(1));
        let left = left.and_then(|s| NonZeroU32::new(u32::try_from(s).unwrap_or(u32::MAX)));
        let mut properties = self.properties.clone();
        properties.message_expiry_interval = left;
        properties.subscription_ids.clone_from(&how.ids);
        Publish {
            dup: how.dup,
            retain: how.retain,
            qos: how.qos,
            topic: self.topic.clone(),
            packet_id: how.packet_id,
            payload: self.payload.clone(),
            properties: Some(properties),
        }
    }
}

/// The fixed header with its length (5 bytes), the lengths of the topic (2) and of the properties
/// (4), the packet id (2), the payload format (2), the expiry (5), a topic alias (3).
const PACKET_HEAD_BYTES: usize = 23;

/// How one PUBLISH hands a message out.
#[derive(Debug, Clone)]
pub(crate) struct Handing {
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) packet_id: Option<NonZeroU16>,
    pub(crate) ids: Vec<NonZeroU32>,
}

fn owned(text: &ByteString) -> ByteString {
    ByteString::from(&**text)
}

/// A will as the PUBLISH that it becomes.
pub(crate) fn of_will(will: &LastWill) -> Publish {
    Publish {
        dup: false,
        retain: will.retain,
        qos: will.qos,
        topic: owned(&will.topic),
        packet_id: None,
        payload: Bytes::copy_from_slice(&will.message),
        properties: Some(PublishProperties {
            topic_alias: None,
            correlation_data: will.correlation_data.clone(),
            message_expiry_interval: will.message_expiry_interval,
            content_type: will.content_type.clone(),
            user_properties: will.user_properties.clone(),
            is_utf8_payload: will.is_utf8_payload.unwrap_or(false),
            response_topic: will.response_topic.clone(),
            subscription_ids: Vec::new(),
        }),
    }
}

/// A message on its way to one session.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) message: Arc<Message>,
    /// The lower of what was published and what was granted.
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// The identifiers of the subscriptions that it is for.
    pub(crate) ids: Vec<NonZeroU32>,
    /// Where it came out of a queue: settled by what the client answers.
    pub(crate) lease: Option<Lease>,
    /// Where it is kept for this session: its part in it.
    pub(crate) share: Option<Share>,
    /// It may have been sent before the process began.
    pub(crate) sent_before: bool,
}

impl Parcel {
    /// A message that lives in memory.
    pub(crate) fn new(message: Arc<Message>, qos: QoS, retain: bool, ids: Vec<NonZeroU32>) -> Self {
        Self { message, qos, retain, ids, lease: None, share: None, sent_before: false }
    }

    /// The packet id that it has before it is sent.
    pub(crate) fn packet_id(&self) -> Option<NonZeroU16> {
        self.share.as_ref().and_then(|share| share.id)
    }

    /// It lies in the outbox of the client, or still does not.
    pub(crate) fn set_offered(&mut self, offered: bool) {
        if let Some(lease) = &mut self.lease {
            lease.offered = offered;
        }
    }
}

/// The right to settle one event of a queue. Dropped without a word, it gives the event back.
pub(crate) struct Lease {
    receipt: Option<LeaseReceipt>,
    offered: bool,
    tell: Arc<dyn Fn(LeaseReceipt, Fate) + Send + Sync>,
}

/// What became of an event that was leased to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The client has it.
    Done,
    /// Nobody knows whether the client has it: it goes to the next one.
    Back,
    /// The client left before it could be sent.
    Unsent,
    /// The client takes no packet of that size: another one may.
    TooLarge,
}

impl Lease {
    pub(crate) fn new(
        receipt: LeaseReceipt,
        tell: Arc<dyn Fn(LeaseReceipt, Fate) + Send + Sync>,
    ) -> Self {
        Self { receipt: Some(receipt), offered: false, tell }
    }

    /// The client has it.
    pub(crate) fn done(self) {
        self.ends(Fate::Done);
    }

    /// The client can never be sent it.
    pub(crate) fn too_large(self) {
        self.ends(Fate::TooLarge);
    }

    fn ends(mut self, fate: Fate) {
        if let Some(receipt) = self.receipt.take() {
            (self.tell)(receipt, fate);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            (self.tell)(receipt, if self.offered { Fate::Back } else { Fate::Unsent });
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.receipt).finish()
    }
}
