//! Makes deliveries of CloudEvents: what `sluicegate send` posts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sluicegate_core::delivery::is_json;

use super::{BATCH, STRUCTURED};

/// How a CloudEvent is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentMode {
    /// Attributes in headers, the payload in the body.
    Binary,
    /// All in one JSON document.
    Structured,
    /// The same, in a list of one.
    Batch,
}

/// An event to send.
#[derive(Debug, Clone)]
pub struct EventToSend<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its source: a URI reference.
    pub source: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// The media type of its payload.
    pub content_type: &'a str,
    /// Its payload.
    pub data: &'a [u8],
}

/// The headers and the body of a delivery. JSON that is embedded is written as the library writes
/// it: byte for byte only in binary mode.
#[must_use]
pub fn write(event: &EventToSend<'_>, mode: ContentMode) -> (Vec<(String, String)>, Vec<u8>) {
    let attributes =
        [("specversion", "1.0"), ("id", event.id), ("source", event.source), ("type", event.kind)];
    if mode == ContentMode::Binary {
        let header = |(name, value): (&str, &str)| (format!("ce-{name}"), encoded(value));
        let mut headers: Vec<_> = attributes.into_iter().map(header).collect();
        headers.push(("content-type".to_owned(), event.content_type.to_owned()));
        return (headers, event.data.to_vec());
    }
    let mut all = Map::new();
    for (name, value) in attributes {
        all.insert(name.to_owned(), value.into());
    }
    all.insert("datacontenttype".to_owned(), event.content_type.into());
    let embedded = match std::str::from_utf8(event.data) {
        Ok(text) if is_json(event.content_type) => serde_json::from_str::<Value>(text).ok(),
        Ok(text) => Some(text.into()),
        Err(_) => None,
    };
    match embedded {
        Some(data) => all.insert("data".to_owned(), data),
        None => all.insert("data_base64".to_owned(), STANDARD.encode(event.data).into()),
    };
    let (media_type, body) = match mode {
        ContentMode::Batch => (BATCH, json!([all])),
        _ => (STRUCTURED, Value::Object(all)),
    };
    (vec![("content-type".to_owned(), media_type.to_owned())], body.to_string().into_bytes())
}

/// A value as a header may have it: what is not printable ASCII, and `"` and `%`, is
/// percent-encoded (HTTP Protocol Binding, section 3.1.3.2).
fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' | 0..=0x20 | 0x7f.. => out.push_str(&format!("%{byte:02X}")),
            other => out.push(char::from(other)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudevents::{CloudEvent, Sent, read};
    use bytes::Bytes;
    use proptest::prelude::*;
    use sluicegate_core::delivery::{Delivery, Transport};

    fn delivery(headers: &[(String, String)], body: &[u8]) -> Delivery {
        Delivery {
            source: "s".parse().unwrap(),
            method: "POST".into(),
            target: "/".into(),
            headers: headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            body: Bytes::copy_from_slice(body),
            peer: None,
            transport: Transport::default(),
        }
    }

    fn only(sent: Sent) -> CloudEvent {
        match sent {
            Sent::One(event) => event,
            Sent::Batch(mut events) => {
                assert_eq!(events.len(), 1);
                events.remove(0)
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_every_mode(
            id in "[ -~é€😀]{1,20}",
            kind in "[!-~é]{1,20}",
            text in ".{0,30}",
            bytes in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let (id, kind) = (format!("x{id}x"), format!("x{kind}x"));
            for (content_type, data) in
                [("text/plain", text.as_bytes()), ("application/octet-stream", &bytes)]
            {
                let event = EventToSend { id: &id, source: "/s", kind: &kind, content_type, data };
                for mode in [ContentMode::Binary, ContentMode::Structured, ContentMode::Batch] {
                    let (headers, body) = write(&event, mode);
                    let read = only(read(&delivery(&headers, &body)).unwrap());
                    prop_assert_eq!((&read.id, &read.kind), (&id, &kind), "{:?}", mode);
                    prop_assert_eq!(&read.data, data, "{:?}", mode);
                    prop_assert_eq!(&read.content_type, content_type);
                }
            }
        }

        #[test]
        fn reading_never_panics(
            body in "[\\[\\]{}\",:a-z0-9_\\\\ .-]{0,60}",
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            value in "[ -~]{0,20}",
        ) {
            let event = EventToSend {
                id: "1", source: "/s", kind: "t", content_type: "application/json", data: b"{}",
            };
            for mode in [ContentMode::Structured, ContentMode::Batch] {
                let (headers, good) = write(&event, mode);
                let mut mutated = good.clone();
                *at.get_mut(&mut mutated) = byte;
                for body in [body.as_bytes(), &mutated, &good[..at.index(good.len())]] {
                    let _ = read(&delivery(&headers, body));
                }
            }
            let names = ["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "ce-x"];
            let headers: Vec<_> =
                names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            let _ = read(&delivery(&headers, body.as_bytes()));
        }
    }
}
