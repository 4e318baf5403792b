//! Makes the event out of a verified delivery. The payload is not touched; headers that carry
//! credentials do not get into it.

use std::borrow::Cow;

use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::limits::DEDUPE_KEY_BYTES_MAX;
use sluicegate_core::proof::DedupeKey;

use crate::cloudevents::CloudEvent;
use crate::facts::Found;
use crate::schema::DATASCHEMA_ATTRIBUTE;
use crate::signature::{Scheme, sha256};

/// What the events of one source have in common.
pub(crate) struct Envelope {
    source: SourceName,
    scheme: String,
    /// Lower-case names of headers that are left out.
    private: Vec<Box<str>>,
}

impl Envelope {
    pub(crate) fn new(source: &SourceName, scheme: &Scheme) -> Self {
        let own: Vec<&str> = match scheme {
            Scheme::None => Vec::new(),
            Scheme::Token { header } => vec![header],
            Scheme::Preset(preset) => preset.headers.to_vec(),
            Scheme::Generic(generic) => generic.headers.iter().map(String::as_str).collect(),
        };
        let private = CREDENTIALS.iter().copied().chain(own);
        Self {
            source: source.clone(),
            scheme: scheme.name().into(),
            private: private.map(|name| name.to_ascii_lowercase().into()).collect(),
        }
    }

    /// The name of the scheme, for verdicts.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The event of a verified delivery.
    pub(crate) fn event(&self, delivery: &Delivery, arrival: Arrival, found: Found<'_>) -> Event {
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        Event::new(Parts {
            id: arrival.id,
            source: self.source.clone(),
            kind: kind(delivery, found.kind),
            subject: found.subject.map(Cow::into_owned),
            time: found.time.or(delivery.transport.time),
            received_at: arrival.at,
            content_type: content_type.into(),
            attributes: delivery.transport.attributes.clone(),
            headers: self.public(&delivery.headers),
            payload: delivery.body.clone(),
        })
    }

    /// The event of a verified CloudEvent. Its own id and source are kept as attributes: the id of
    /// an event here is ours, so that two senders cannot collide.
    pub(crate) fn cloud_event(
        &self,
        delivery: &Delivery,
        arrival: Arrival,
        id: EventId,
        sent: CloudEvent,
    ) -> Event {
        // What the protocol says is not for the sender to say otherwise.
        let beside = &delivery.transport.attributes;
        let mut attributes = beside.clone();
        attributes.push(ID_ATTRIBUTE, &sent.id);
        attributes.push(SOURCE_ATTRIBUTE, &sent.source);
        if let Some(schema) = &sent.dataschema {
            attributes.push(DATASCHEMA_ATTRIBUTE, schema);
        }
        let is_free = |name: &str| !is_of_protocol(name) && beside.first(name).is_none();
        let said = sent.extensions.iter().filter(|(name, _)| is_free(name));
        said.for_each(|(name, value)| attributes.push(name, value));
        Event::new(Parts {
            id,
            source: self.source.clone(),
            kind: sent.kind,
            subject: sent.subject,
            time: sent.time,
            received_at: arrival.at,
            content_type: sent.content_type,
            attributes,
            headers: self.public(&delivery.headers),
            payload: sent.data,
        })
    }

    fn public(&self, headers: &Fields) -> Fields {
        let mut kept = Fields::with_capacity(headers.len(), headers.text_len());
        for (name, value) in headers.iter() {
            if !self.private.iter().any(|private| **private == *name) {
                kept.push(name, value);
            }
        }
        kept
    }
}

/// Whether an attribute is one that sources write, of what their protocol says. From a sender it
/// is left out, whichever way it came: sinks and filters believe it.
fn is_of_protocol(name: &str) -> bool {
    OF_PROTOCOLS.iter().any(|prefix| name.starts_with(prefix))
}

/// What the sender says, else what the protocol does.
fn kind(delivery: &Delivery, said: Option<Cow<'_, str>>) -> String {
    let known = || delivery.transport.kind.clone();
    said.map(Cow::into_owned).or_else(known).unwrap_or_else(|| DEFAULT_KIND.into())
}

/// The idempotency key of what the sender said. One that is too long is hashed, not dropped: a
/// provider with long ids is deduplicated too.
pub(crate) fn dedupe_key(said: &str) -> Option<DedupeKey> {
    if said.len() > DEDUPE_KEY_BYTES_MAX {
        return DedupeKey::new(&format!("sha256:{}", sha256(said.as_bytes())));
    }
    DedupeKey::new(said)
}

/// Headers that prove somebody to somebody. No event has them, no sink gets them, and of a delivery
/// that was refused they are kept only where its proof needs them.
pub(crate) const CREDENTIALS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-amz-security-token",
    "x-hook-secret",
];
/// The id that a CloudEvent came with.
const ID_ATTRIBUTE: &str = "sgid";
/// The source that a CloudEvent came with.
const SOURCE_ATTRIBUTE: &str = "sgsource";
/// What the attributes begin with that sources write.
const OF_PROTOCOLS: [&str; 2] = ["amqp", "mqtt"];
const DEFAULT_KIND: &str = "webhook";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sender_writes_what_only_sources_say() {
        for name in ["amqpreplyto", "amqptypes", "amqp", "mqtttopic", "mqttclient"] {
            assert!(is_of_protocol(name), "{name}");
        }
        for name in ["amq", "region", "mqt", "myamqp", ""] {
            assert!(!is_of_protocol(name), "{name}");
        }
    }

    #[test]
    fn a_long_idempotency_key_is_hashed_and_an_empty_one_is_none() {
        assert_eq!(dedupe_key("a").unwrap().as_str(), "a");
        assert!(dedupe_key("").is_none());
        let (one, two) = ("x".repeat(257), "x".repeat(258));
        let (one, two) = (dedupe_key(&one).unwrap(), dedupe_key(&two).unwrap());
        assert!(one != two && one.as_str().starts_with("sha256:"));
    }
}
