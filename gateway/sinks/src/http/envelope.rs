//! The header fields of one event: CloudEvents binary mode and Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sluicegate_core::event::Event;
use sluicegate_core::time::Timestamp;

use super::config::Signer;

/// Adds the attributes of the event (CloudEvents 1.0.2, HTTP protocol binding, section 3.1).
///
/// `ce-time` is what the provider said. If it said nothing there is none: a producer must not
/// mix times of different meanings.
pub(crate) fn put_attributes(headers: &mut HeaderMap, event: &Event) {
    put(headers, HeaderName::from_static("ce-specversion"), "1.0");
    put(headers, HeaderName::from_static("ce-id"), &event.id.to_string());
    put(headers, HeaderName::from_static("ce-source"), event.source.as_str());
    put(headers, HeaderName::from_static("ce-type"), &encoded(&event.kind));
    if let Some(subject) = &event.subject {
        put(headers, HeaderName::from_static("ce-subject"), &encoded(subject));
    }
    if let Some(time) = event.time {
        put(headers, HeaderName::from_static("ce-time"), &time.rfc3339());
    }
    if !event.content_type.is_empty() {
        put(headers, CONTENT_TYPE, &event.content_type);
    }
    for (name, value) in event.attributes.iter().filter(|(name, _)| is_extension(name)) {
        if let Ok(name) = HeaderName::from_bytes(format!("ce-{name}").as_bytes()) {
            put(headers, name, &encoded(value));
        }
    }
}

/// Adds a signature for each live secret (Standard Webhooks 1.0): the event's id, the time of
/// this attempt, and the HMAC over both and the payload.
pub(crate) fn put_signatures(
    headers: &mut HeaderMap,
    event: &Event,
    signers: &[Signer],
    now: Timestamp,
) {
    if signers.is_empty() {
        return;
    }
    let (id, time) = (event.id.to_string(), (now.unix_ms() / 1000).to_string());
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", &event.payload];
    let signatures: Vec<_> =
        signers.iter().map(|sign| format!("v1,{}", STANDARD.encode(sign(&parts)))).collect();
    put(headers, HeaderName::from_static("webhook-id"), &id);
    put(headers, HeaderName::from_static("webhook-timestamp"), &time);
    put(headers, HeaderName::from_static("webhook-signature"), &signatures.join(" "));
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Everything but a media type is encoded above; a media type that no header can hold came
    // from a filter, and the payload goes out without it.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Extension names are lower-case letters and digits (CloudEvents section 3.1); the names of the
/// context attributes are taken.
fn is_extension(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let taken = ["id", "source", "type", "subject", "time", "specversion", "datacontenttype"];
    !name.is_empty() && name.bytes().all(plain) && !taken.contains(&name)
}

/// Percent-encodes what the binding says: space, quote, percent, and all outside visible ASCII.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sluicegate_core::event::Parts;
    use sluicegate_core::ids::EventId;
    use std::sync::Arc;

    fn event() -> Event {
        Event::new(Parts {
            id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 1),
            source: "github".parse().unwrap(),
            kind: "push".into(),
            subject: Some("Euro \u{20ac} \u{1f600} \"100%\"".into()),
            time: Some(Timestamp::from_unix_ms(1_700_000_000_123)),
            received_at: Timestamp::from_unix_ms(1_700_000_000_456),
            content_type: "application/json".into(),
            attributes: [("sgroute", "a b"), ("not-a-name", "x"), ("id", "y"), ("n", "\r\nz: 1")]
                .into_iter()
                .collect(),
            headers: [("authorization", "secret")].into_iter().collect(),
            payload: Bytes::from_static(b"{}"),
        })
    }

    #[test]
    fn attributes_are_encoded_as_the_binding_says() {
        let mut headers = HeaderMap::new();
        put_attributes(&mut headers, &event());
        let mut got: Vec<_> =
            headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        got.sort();
        let expected = [
            "ce-id: 018bcfe5-6800-7000-8000-000000000001",
            "ce-n: %0D%0Az:%201",
            "ce-sgroute: a%20b",
            "ce-source: github",
            "ce-specversion: 1.0",
            "ce-subject: Euro%20%E2%82%AC%20%F0%9F%98%80%20%22100%25%22",
            "ce-time: 2023-11-14T22:13:20.123Z",
            "ce-type: push",
            "content-type: application/json",
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn each_live_secret_signs_the_id_the_time_and_the_payload() {
        let signer = |byte: u8| -> Signer {
            Arc::new(move |parts: &[&[u8]]| {
                let text = b"018bcfe5-6800-7000-8000-000000000001.1700000001.{}";
                assert_eq!(parts.concat(), text);
                [byte; 32]
            })
        };
        let mut headers = HeaderMap::new();
        let now = Timestamp::from_unix_ms(1_700_000_001_999);
        put_signatures(&mut headers, &event(), &[signer(0), signer(255)], now);
        let expected = format!("v1,{}= v1,{}8=", "A".repeat(43), "/".repeat(42));
        assert_eq!(headers["webhook-signature"], expected);
        assert_eq!(headers["webhook-timestamp"], "1700000001");
        let mut unsigned = HeaderMap::new();
        put_signatures(&mut unsigned, &event(), &[], now);
        assert!(unsigned.is_empty());
    }
}
