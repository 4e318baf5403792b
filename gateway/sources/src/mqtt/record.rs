//! How sessions and retained messages are written down. Versioned: what this version cannot read is
//! told apart from what is damaged by nothing; both are left out and logged.
//!
//! A session is JSON. A message is the length of its JSON head in four bytes, that head, and the
//! payload as it is.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluicegate_core::time::Timestamp;

use super::message::Message;
use super::session;
use super::subscribers::Grant;
use super::topic::Wanted;
use super::wire::{ByteString, PublishProperties, QoS, RetainHandling, SubscriptionOptions};

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    version: u8,
    birth_ns: u64,
    pub(crate) expiry: u32,
    subscriptions: Vec<Subscription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    filter: String,
    qos: u8,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: u8,
    id: Option<NonZeroU32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    version: u8,
    qos: u8,
    text: bool,
    content_type: Option<String>,
    response_topic: Option<String>,
    correlation_data: Option<Vec<u8>>,
    user_properties: Vec<(String, String)>,
    expires_ns: Option<u64>,
    publisher: Option<String>,
}

/// A session, written down.
pub(crate) fn session(session: &session::Session) -> Vec<u8> {
    let subscription = |(filter, mine): (&Arc<str>, &session::Subscription)| {
        let options = mine.grant.options;
        Subscription {
            filter: filter.to_string(),
            qos: options.qos.value(),
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: options.retain_handling.into(),
            id: mine.grant.id,
        }
    };
    let subscriptions = session.subscriptions.iter().map(subscription).collect();
    let (expiry, birth_ns) = (session.expiry, session.birth.unix_ns());
    let record = Session { version: VERSION, birth_ns, expiry, subscriptions };
    // Texts and numbers cannot fail to be JSON; if they did, the record would not be read back.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// A session that was written down.
pub(crate) fn read_session(bytes: &[u8]) -> Option<Session> {
    serde_json::from_slice(bytes).ok().filter(|record: &Session| record.version == VERSION)
}

impl Session {
    /// When it began.
    pub(crate) fn birth(&self) -> Timestamp {
        Timestamp::from_unix_ns(self.birth_ns)
    }

    /// Its subscriptions, those left out that are none any more.
    pub(crate) fn subscriptions(&self) -> Vec<(Arc<str>, session::Subscription)> {
        let subscription = |kept: &Subscription| {
            let options = SubscriptionOptions {
                qos: QoS::try_from(kept.qos).ok()?,
                no_local: kept.no_local,
                retain_as_published: kept.retain_as_published,
                retain_handling: RetainHandling::try_from(kept.retain_handling).ok()?,
            };
            let wanted = Wanted::parse(&kept.filter).ok()?;
            let grant = Grant { options, id: kept.id };
            Some((kept.filter.as_str().into(), session::Subscription { wanted, grant }))
        };
        self.subscriptions.iter().filter_map(subscription).collect()
    }
}

/// A retained message, written down without its topic.
pub(crate) fn message(message: &Message) -> Vec<u8> {
    let properties = &message.properties;
    let text = |text: &ByteString| text.to_string();
    let head = Head {
        version: VERSION,
        qos: message.qos.value(),
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
    // As above.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let mut out = u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    out.extend(head);
    out.extend_from_slice(&message.payload);
    out
}

/// A retained message that was written down.
pub(crate) fn read_message(topic: &str, bytes: &Bytes) -> Option<Message> {
    let len = u32::from_be_bytes(*bytes.first_chunk()?);
    let end = usize::try_from(len).ok()?.checked_add(4)?;
    let head: Head = serde_json::from_slice(bytes.get(4..end)?).ok()?;
    if head.version != VERSION {
        return None;
    }
    let pairs = head.user_properties.into_iter().map(|(name, value)| (name.into(), value.into()));
    Some(Message {
        topic: topic.into(),
        payload: Bytes::copy_from_slice(bytes.get(end..)?),
        qos: QoS::try_from(head.qos).ok()?,
        retain: true,
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

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::session::OutboxLimits;

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        let limits = OutboxLimits { messages_max: 1, bytes_max: 1, retained_max: 1 };
        let mut own = session::Session::new(limits, Timestamp::from_unix_ns(7));
        own.expiry = 77;
        for (filter, qos) in [("a/#", 0), ("$share/g/+", 1), ("$queue/inbox", 1), ("é", 2)] {
            let options = SubscriptionOptions {
                qos: QoS::try_from(qos).unwrap(),
                no_local: qos == 0,
                retain_as_published: qos == 2,
                retain_handling: RetainHandling::try_from(qos).unwrap(),
            };
            let grant = Grant { options, id: NonZeroU32::new(u32::from(qos)) };
            let wanted = Wanted::parse(filter).unwrap();
            own.subscriptions.insert(filter.into(), session::Subscription { wanted, grant });
        }
        let read = read_session(&session(&own)).unwrap();
        assert_eq!((read.expiry, read.birth()), (77, own.birth));
        let read: std::collections::BTreeMap<_, _> = read.subscriptions().into_iter().collect();
        assert_eq!(read, own.subscriptions);
        for bad in [&b""[..], b"{}", b"\x00\x00\x00\x01{", b"\xff\xff\xff\xffabc"] {
            assert!(read_session(bad).is_none());
            assert!(read_message("t", &Bytes::copy_from_slice(bad)).is_none());
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
        assert_eq!(read_message("a/b", &message(&kept).into()), Some(kept));
    }
}
