//! An event as CloudEvents JSON (CloudEvents 1.0, JSON event format), its payload byte for byte.
//!
//! JSON payloads stand in `data` exactly as they were received, white space included; text stands
//! in `data` as a string; everything else, and JSON that would break a consumer's parser, stands
//! in `data_base64`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sluicegate_core::delivery::is_json;
use sluicegate_core::event::Event;
use sluicegate_core::queue::Consumed;
use std::collections::BTreeMap;

/// One leased event as a consumer gets it.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryJson {
    receipt: String,
    attempt: u32,
    event: BTreeMap<String, Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LetterJson>,
}

/// Why an event is in a dead-letter queue.
#[derive(Debug, Serialize)]
struct LetterJson {
    cause: &'static str,
    reason: String,
    origin: Option<String>,
    route: Option<String>,
    plugin: Option<String>,
    digest: Option<String>,
    attempts: u32,
}

impl DeliveryJson {
    /// A leased event, to be written as JSON.
    pub(super) fn new(one: Consumed) -> Result<Self, serde_json::Error> {
        let letter = one.letter.map(|letter| LetterJson {
            cause: letter.cause.code(),
            reason: letter.reason,
            origin: letter.origin.map(|name| name.to_string()),
            route: letter.route.map(|name| name.to_string()),
            plugin: letter.plugin.as_ref().map(|(name, _)| name.to_string()),
            digest: letter.plugin.map(|(_, digest)| digest.to_string()),
            attempts: letter.attempts,
        });
        let event = event_json(&one.event)?;
        Ok(Self { receipt: one.receipt.0, attempt: one.attempt, event, letter })
    }
}

fn event_json(event: &Event) -> Result<BTreeMap<String, Box<RawValue>>, serde_json::Error> {
    let mut json = BTreeMap::new();
    for (name, value) in event.attributes.iter() {
        json.insert(name.to_owned(), to_raw_value(value)?);
    }
    let time = event.time.unwrap_or(event.received_at).rfc3339();
    let mut set = |name: &str, value: &str| -> Result<(), serde_json::Error> {
        json.insert(name.to_owned(), to_raw_value(value)?);
        Ok(())
    };
    set("specversion", "1.0")?;
    set("id", &event.id.to_string())?;
    set("source", event.source.as_str())?;
    set("type", &event.kind)?;
    set("time", &time)?;
    set("sgreceivedtime", &event.received_at.rfc3339())?;
    if let Some(subject) = &event.subject {
        set("subject", subject)?;
    }
    if !event.content_type.is_empty() {
        set("datacontenttype", &event.content_type)?;
    }
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in event.headers.iter() {
        // Repeated fields are one list (RFC 9110 section 5.3).
        headers
            .entry(name)
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    json.insert("sgheaders".to_owned(), to_raw_value(&headers)?);
    let (name, data) = data(event)?;
    json.insert(name.to_owned(), data);
    Ok(json)
}

fn data(event: &Event) -> Result<(&'static str, Box<RawValue>), serde_json::Error> {
    let text = std::str::from_utf8(&event.payload).ok();
    match text {
        Some(text) if is_json(&event.content_type) && depth_within_bounds(text) => {
            if let Ok(raw) = serde_json::from_str::<Box<RawValue>>(text) {
                return Ok(("data", raw));
            }
        }
        Some(text) if !is_json(&event.content_type) && !text.contains('\0') => {
            return Ok(("data", to_raw_value(text)?));
        }
        _ => {}
    }
    Ok(("data_base64", to_raw_value(&STANDARD.encode(&event.payload))?))
}

/// Deeper JSON is handed out as base64: most parsers stop at 128 or fewer levels, and one bomb
/// must not make a whole batch unreadable.
const JSON_DEPTH_MAX: usize = 100;

fn depth_within_bounds(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return false;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sluicegate_core::event::Parts;
    use sluicegate_core::ids::EventId;
    use sluicegate_core::queue::LeaseReceipt;
    use sluicegate_core::time::Timestamp;

    fn written(content_type: &str, payload: &[u8]) -> String {
        let event = Event::new(Parts {
            id: EventId::new(Timestamp::default(), 1),
            source: "github".parse().unwrap(),
            kind: "push".into(),
            subject: Some("x".into()),
            time: None,
            received_at: Timestamp::from_unix_ms(1_700_000_000_000),
            content_type: content_type.into(),
            attributes: [("sgparent", "p"), ("id", "forged")].into_iter().collect(),
            headers: [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect(),
            payload: Bytes::copy_from_slice(payload),
        });
        let receipt = LeaseReceipt("r".into());
        let one = Consumed { receipt, attempt: 2, event, letter: None };
        serde_json::to_string(&DeliveryJson::new(one).unwrap()).unwrap()
    }

    #[test]
    fn json_payloads_stand_byte_for_byte() {
        let text = written("application/json", b"{ \"b\":1.0,\n\"a\" : 10000000000000000000001}");
        assert!(text.contains("\"data\":{ \"b\":1.0,\n\"a\" : 10000000000000000000001}"), "{text}");
        assert!(text.contains(r#""sgheaders":{"a":"1, 3","b":"2"}"#), "{text}");
        assert!(text.contains(r#""time":"2023-11-14T22:13:20Z""#), "{text}");
        assert!(text.contains(r#""sgparent":"p""#) && !text.contains("forged"), "{text}");
    }

    #[test]
    fn what_no_parser_would_take_stands_as_base64() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for payload in [deep.as_bytes(), b"{", b"\xff", b"[1] trailing"] {
            let text = written("application/json", payload);
            assert!(text.contains(&format!("\"data_base64\":\"{}\"", STANDARD.encode(payload))));
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    #[test]
    fn text_stands_as_a_string() {
        let text = written("application/x-www-form-urlencoded", b"payload=%7B%7D");
        assert!(text.contains(r#""data":"payload=%7B%7D""#), "{text}");
        assert!(written("", b"\x00\x01").contains("data_base64"));
    }
}
