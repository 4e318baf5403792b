//! An event as CloudEvents JSON (CloudEvents 1.0, JSON event format), its payload byte for byte.
//!
//! JSON payloads stand in `data` exactly as they were received, white space around them included;
//! text stands in `data` as a string; everything else, and JSON that would break a consumer's
//! parser, stands in `data_base64`. Written by hand into one buffer: no JSON library keeps the
//! white space around a value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::IgnoredAny;
use sluicegate_core::delivery::is_json;
use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::{Failure, Letter};
use sluicegate_core::queue::{Consumed, Standing};
use sluicegate_queue::{Browsed, PastEvent};

/// Writes `{"deliveries":[...]}`.
pub(super) fn deliveries(batch: &[Consumed]) -> Result<String, serde_json::Error> {
    let bytes: usize = batch.iter().map(|one| one.event.weight() * 2).sum();
    let mut json = String::with_capacity(bytes + 64);
    json.push_str("{\"deliveries\":[");
    for (at, one) in batch.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        write_delivery(&mut json, one)?;
    }
    json.push_str("]}");
    Ok(json)
}

fn write_delivery(json: &mut String, one: &Consumed) -> Result<(), serde_json::Error> {
    json.push_str("{\"receipt\":");
    write(json, &one.receipt.0)?;
    json.push_str(",\"attempt\":");
    write(json, &one.attempt)?;
    json.push_str(",\"event\":");
    write_event(json, &one.event, Payload::Shown)?;
    if let Some(letter) = &one.letter {
        json.push_str(",\"letter\":");
        write(json, &LetterJson::new(letter))?;
    }
    json.push('}');
    Ok(())
}

/// Whether the payload of an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// It is.
    Shown,
    /// It is, in Base64 whatever it is: the reader wants the bytes.
    Encoded,
    /// It is not.
    LeftOut,
}

/// Writes one event that lies in a queue: `{"cursor":...,"event":{...},...}`.
pub(super) fn write_browsed(
    json: &mut String,
    one: &Browsed,
    payload: Payload,
) -> Result<(), serde_json::Error> {
    let until = match one.standing {
        Standing::Leased(until) | Standing::Delayed(until) => Some(until),
        Standing::Ready | Standing::Blocked => None,
    };
    let head = BrowsedJson {
        cursor: one.cursor.to_string(),
        standing: one.standing.word(),
        until: until.map(|until| until.rfc3339()),
        attempts: one.attempts,
        priority: one.priority.level(),
        expires_at: one.expires_at.map(|at| at.rfc3339()),
        failures: failures(&one.failures),
        letter: one.letter.as_ref().map(LetterJson::new),
    };
    write(json, &head)?;
    // The event is no part of the head: its payload is written byte for byte.
    json.pop();
    json.push_str(",\"event\":");
    match &one.event {
        Some(event) => write_event(json, event, payload)?,
        None => json.push_str("null"),
    }
    json.push('}');
    Ok(())
}

/// Writes one event of the past: `{"cursor":...,"event":{...},...}`.
pub(super) fn write_past(
    json: &mut String,
    one: &PastEvent,
    payload: Payload,
) -> Result<(), serde_json::Error> {
    let head = PastJson {
        cursor: one.cursor.to_string(),
        received: one.received,
        queues: one.queues.iter().map(QueueName::as_str).collect(),
        letter: one.letter.as_ref().map(LetterJson::new),
    };
    write(json, &head)?;
    // The event is no part of the head: its payload is written byte for byte.
    json.pop();
    json.push_str(",\"event\":");
    write_event(json, &one.event, payload)?;
    json.push('}');
    Ok(())
}

/// What is known of an event of the past, but for the event.
#[derive(Debug, Serialize)]
struct PastJson<'a> {
    cursor: String,
    /// Whether it is as it was received, and not one that a filter made.
    received: bool,
    /// Where it was placed.
    queues: Vec<&'a str>,
    /// Why it went to a dead-letter queue at once, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LetterJson<'a>>,
}

/// What is known of an event that lies in a queue, but for the event.
#[derive(Debug, Serialize)]
struct BrowsedJson<'a> {
    cursor: String,
    standing: &'static str,
    /// Until when it is leased or delayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    attempts: u32,
    priority: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// The last failed attempts here, oldest first.
    failures: Vec<FailureJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LetterJson<'a>>,
}

/// One attempt that failed.
#[derive(Debug, Serialize)]
struct FailureJson<'a> {
    at: String,
    attempt: u32,
    why: &'a str,
}

fn failures<'a>(all: &'a [Failure]) -> Vec<FailureJson<'a>> {
    let shown = |one: &'a Failure| {
        let Failure { at, attempt, why } = one;
        FailureJson { at: at.rfc3339(), attempt: *attempt, why }
    };
    all.iter().map(shown).collect()
}

/// Why an event is in a dead-letter queue.
#[derive(Debug, Serialize)]
struct LetterJson<'a> {
    cause: &'static str,
    reason: &'a str,
    origin: Option<&'a str>,
    route: Option<&'a str>,
    plugin: Option<&'a str>,
    digest: Option<String>,
    attempts: u32,
    /// The last failed attempts, oldest first.
    failures: Vec<FailureJson<'a>>,
}

impl<'a> LetterJson<'a> {
    fn new(letter: &'a Letter) -> Self {
        Self {
            cause: letter.cause.code(),
            reason: &letter.reason,
            origin: letter.origin.as_ref().map(AsRef::as_ref),
            route: letter.route.as_ref().map(AsRef::as_ref),
            plugin: letter.plugin.as_ref().map(|(name, _)| name.as_ref()),
            digest: letter.plugin.as_ref().map(|(_, digest)| digest.to_string()),
            attempts: letter.attempts,
            failures: failures(&letter.failures),
        }
    }
}

fn write_event(
    json: &mut String,
    event: &Event,
    payload: Payload,
) -> Result<(), serde_json::Error> {
    let time = event.time.unwrap_or(event.received_at).rfc3339();
    json.push_str("{\"specversion\":\"1.0\"");
    field(json, "id", &event.id.to_string())?;
    field(json, "source", event.source.as_str())?;
    field(json, "type", &event.kind)?;
    field(json, "time", &time)?;
    field(json, "sgreceivedtime", &event.received_at.rfc3339())?;
    if let Some(subject) = &event.subject {
        field(json, "subject", subject)?;
    }
    if !event.content_type.is_empty() {
        field(json, "datacontenttype", &event.content_type)?;
    }
    // A name is written once: what a plugin sets cannot stand in for an attribute of ours.
    let mut extensions = BTreeMap::new();
    for (name, value) in event.attributes.iter().filter(|(name, _)| !OWN.contains(name)) {
        extensions.insert(name, value);
    }
    for (name, value) in extensions {
        field(json, name, value)?;
    }
    json.push_str(",\"sgheaders\":");
    write(json, &headers(event))?;
    match payload {
        Payload::Shown => write_data(json, event)?,
        Payload::Encoded => field(json, "data_base64", &STANDARD.encode(&event.payload))?,
        Payload::LeftOut => {}
    }
    json.push('}');
    Ok(())
}

/// The members of an event that no extension attribute may have.
const OWN: [&str; 11] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "datacontenttype",
    "data",
    "data_base64",
    "sgheaders",
    "sgreceivedtime",
];

/// Headers as one object; repeated fields are one list (RFC 9110 section 5.3).
fn headers(event: &Event) -> BTreeMap<&str, String> {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in event.headers.iter() {
        headers
            .entry(name)
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    headers
}

fn write_data(json: &mut String, event: &Event) -> Result<(), serde_json::Error> {
    // Without a content type, `data` is read as JSON (CloudEvents JSON format, section 2.4): what
    // is none would come back with quotes around it.
    let reads_as_json = event.content_type.is_empty() || is_json(&event.content_type);
    match std::str::from_utf8(&event.payload) {
        Ok(text) if reads_as_json && is_embeddable(text) => {
            json.push_str(",\"data\":");
            json.push_str(text);
            Ok(())
        }
        Ok(text) if !reads_as_json && !text.contains('\0') => field(json, "data", text),
        _ => field(json, "data_base64", &STANDARD.encode(&event.payload)),
    }
}

fn field(json: &mut String, name: &str, value: &str) -> Result<(), serde_json::Error> {
    json.push(',');
    write(json, name)?;
    json.push(':');
    write(json, value)
}

fn write<T: Serialize + ?Sized>(json: &mut String, value: &T) -> Result<(), serde_json::Error> {
    json.push_str(&serde_json::to_string(value)?);
    Ok(())
}

/// Whether a text can stand in a JSON document as it is.
fn is_embeddable(text: &str) -> bool {
    depth_within_bounds(text) && serde_json::from_str::<IgnoredAny>(text).is_ok()
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
        let text = deliveries(&[one]).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        text
    }

    #[test]
    fn json_payloads_stand_byte_for_byte() {
        let text =
            written("application/json", b" {\"b\":1.0,\n\"a\" : 10000000000000000000001}\r\n");
        let data = "\"data\": {\"b\":1.0,\n\"a\" : 10000000000000000000001}\r\n";
        assert!(text.contains(data), "{text}");
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
        }
    }

    #[test]
    fn text_stands_as_a_string() {
        let text = written("application/x-www-form-urlencoded", b"payload=%7B%7D");
        assert!(text.contains(r#""data":"payload=%7B%7D""#), "{text}");
    }

    #[test]
    fn without_a_content_type_data_is_what_reads_as_json_and_the_rest_is_base64() {
        assert!(written("", b"{\"n\": 1.0}").contains(r#""data":{"n": 1.0}"#));
        assert!(written("", b"on").contains(r#""data_base64":"b24=""#));
        assert!(written("", b"\x00\x01").contains("data_base64"));
    }
}
