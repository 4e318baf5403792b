//! What a message holds: headers and a body. User properties are its headers; where it has none,
//! because it is of 3.1.1, an envelope in its payload may bring them. Attributes of CloudEvents are
//! handed on as the headers that HTTP has for them, so that one reader in the house judges both.
//! Nothing is judged here.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::{HEADER_BYTES_MAX, HEADERS_MAX};
use sluicegate_core::refusal::Refusal;

use super::wire::Publish;

/// How the messages of a source are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// What their properties say.
    pub properties: Properties,
    /// What their payload is.
    pub payload: Payload,
}

/// What the user properties of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Properties {
    /// Whatever its sender likes.
    #[default]
    Plain,
    /// Attributes of CloudEvents, in binary mode (MQTT binding 1.0.2, section 3.1).
    CloudEvents,
}

/// What the payload of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payload {
    /// The payload of the event.
    #[default]
    Bare,
    /// JSON with headers, and the payload of the event as `body` or `body_base64`.
    Envelope,
}

impl Reading {
    /// The headers and the body of a message.
    ///
    /// # Errors
    /// When the headers are over a bound, or the payload is no envelope where one must be.
    pub(crate) fn read(self, publish: &Publish) -> Result<(Fields, Bytes), Refusal> {
        let mut headers = Fields::new();
        if let Some(properties) = &publish.properties {
            if let Some(content_type) = &properties.content_type {
                headers.push(CONTENT_TYPE, content_type);
            }
            for (name, value) in &properties.user_properties {
                // The property of the protocol counts, where it is set.
                if properties.content_type.is_none() || !name.eq_ignore_ascii_case(CONTENT_TYPE) {
                    self.push(&mut headers, name, value);
                }
            }
        }
        let correlation = publish.properties.as_ref().and_then(|all| all.correlation_data.as_ref());
        let mut body = publish.payload.clone();
        if self.payload == Payload::Envelope {
            let envelope = Envelope::read(&body)?;
            body = envelope.body()?;
            for (name, value) in envelope.headers.0 {
                self.push(&mut headers, &name, &value);
            }
        }
        let bytes = headers.text_len() + correlation.map_or(0, Bytes::len);
        if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
            return Err(Refusal::HeadersTooLarge);
        }
        Ok((headers, body))
    }

    fn push(self, headers: &mut Fields, name: &str, value: &str) {
        if self.properties == Properties::Plain {
            return headers.push(name, value);
        }
        // Only the names that the binding has for MQTT are attributes.
        if name.len() < 3 || !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ce-")) {
            headers.push(name, value);
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !name.is_empty() && name.bytes().all(plain) {
            headers.push(&format!("ce-{name}"), &encoded(value));
        }
    }
}

/// A value as HTTP has it (HTTP binding 1.0.2, section 3.1.3.2).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'"' | b'%' | 0..=0x20 | 0x7f.. => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
            other => out.push(char::from(other)),
        }
        out
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    headers: Headers,
    body: Option<String>,
    body_base64: Option<String>,
}

/// As they stand: a name that is there twice stays so, and is judged by who reads it.
struct Headers(Vec<(String, String)>);

impl Envelope {
    fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let malformed = |_| Refusal::Malformed { what: "the payload is no envelope" };
        serde_json::from_slice(payload).map_err(malformed)
    }

    fn body(&self) -> Result<Bytes, Refusal> {
        let bytes = match (&self.body, &self.body_base64) {
            (Some(text), None) => Some(text.clone().into_bytes()),
            (None, Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        };
        let what = "an envelope has body or body_base64";
        bytes.map(Bytes::from).ok_or(Refusal::Malformed { what })
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Headers(pairs))
            }
        }
        from.deserialize_map(Pairs)
    }
}

const CONTENT_TYPE: &str = "content-type";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::wire::{PublishProperties, QoS};

    fn publish(payload: &'static [u8], pairs: &[(&str, &str)]) -> Publish {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: "t".into(),
            packet_id: None,
            payload: Bytes::from_static(payload),
            properties: Some(PublishProperties {
                user_properties: pairs.collect(),
                ..PublishProperties::default()
            }),
        }
    }

    fn read(reading: Reading, publish: &Publish) -> Vec<(String, String)> {
        let (headers, _) = reading.read(publish).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn attributes_of_cloudevents_get_the_names_that_http_has_and_others_cannot_take_them() {
        let reading = Reading { properties: Properties::CloudEvents, ..Reading::default() };
        let pairs = [("id", "é %"), ("ce-id", "forged"), ("x-sig", "s"), ("Type", "no attribute")];
        let got = read(reading, &publish(b"", &pairs));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for wanted in [pair("id", "é %"), pair("ce-id", "%C3%A9%20%25"), pair("x-sig", "s")] {
            assert!(got.contains(&wanted), "{wanted:?} in {got:?}");
        }
        assert!(!got.iter().any(|(name, value)| name == "ce-type" || value == "forged"), "{got:?}");
    }

    #[test]
    fn an_envelope_brings_headers_and_the_body_as_it_was_written() {
        let reading = Reading { payload: Payload::Envelope, ..Reading::default() };
        let text = br#"{ "headers": { "X-Sig": "a", "x-sig": "b" }, "body": "{\"x\":1.0}" }"#;
        let (headers, body) = reading.read(&publish(text, &[])).unwrap();
        assert_eq!((headers.len(), &body[..]), (2, &b"{\"x\":1.0}"[..]));
        let bytes = br#"{ "headers": {}, "body_base64": "/w==" }"#;
        assert_eq!(reading.read(&publish(bytes, &[])).unwrap().1, Bytes::from_static(&[0xff]));
        for bad in [
            &b""[..],
            b"[]",
            br#"{ "headers": {} }"#,
            br#"{ "headers": {}, "body": "a", "body_base64": "" }"#,
            br#"{ "headers": {}, "body_base64": "*" }"#,
            br#"{ "headers": { "a": 1 }, "body": "" }"#,
            br#"{ "headers": {}, "body": "", "more": 1 }"#,
        ] {
            let publish = Publish { payload: Bytes::from_static(bad), ..publish(b"", &[]) };
            assert!(reading.read(&publish).is_err(), "{bad:?}");
        }
    }
}
