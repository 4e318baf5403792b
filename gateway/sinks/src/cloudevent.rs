//! An event as a CloudEvent: its attributes as pairs, or the whole as JSON (CloudEvents 1.0.2, JSON
//! format section 3), for every protocol that has headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sluicegate_core::delivery::is_json;
use sluicegate_core::event::Event;

/// How the attributes of an event go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CloudEvents {
    /// In headers or user properties; the payload is that of the event.
    #[default]
    Binary,
    /// The payload is a CloudEvent in JSON, with the event's payload in it.
    Structured,
    /// Not at all; the payload is that of the event.
    Off,
}

/// The media type of an event as JSON.
pub(crate) const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";

/// The attributes of an event as pairs of name and text, the payload's media type not among them.
pub(crate) fn attributes(event: &Event) -> Vec<(&str, String)> {
    let mut all = vec![
        ("specversion", "1.0".to_owned()),
        ("id", event.id.to_string()),
        ("source", event.source.to_string()),
        ("type", event.kind.clone()),
    ];
    all.extend(event.subject.clone().map(|subject| ("subject", subject)));
    all.extend(event.time.map(|time| ("time", time.rfc3339())));
    let own = event.attributes.iter().filter(|(name, _)| is_extension(name));
    all.extend(own.map(|(name, value)| (outer_name(name), value.to_owned())));
    all
}

/// The event in JSON. A payload that is JSON stands in `data` as a value, text as text, and
/// everything else in `data_base64`.
pub(crate) fn structured(event: &Event) -> Vec<u8> {
    let mut map = Map::new();
    for (name, value) in attributes(event) {
        map.insert(name.to_owned(), Value::String(value));
    }
    if !event.content_type.is_empty() {
        map.insert("datacontenttype".to_owned(), Value::String(event.content_type.clone()));
    }
    let mut json = Value::Object(map).to_string();
    json.pop();
    let payload = event.payload.as_ref();
    let text = std::str::from_utf8(payload).ok();
    let is_value =
        |text: &&str| is_json(&event.content_type) && serde_json::from_str::<Value>(text).is_ok();
    let is_text = event.content_type.starts_with("text/");
    match text {
        // As it came, white space and all: a value that was read and written may be another one.
        Some(text) if is_value(&text) => json.push_str(&format!(",\"data\":{text}}}")),
        Some(text) if is_text => {
            let data = Value::String(text.to_owned());
            json.push_str(&format!(",\"data\":{data}}}"));
        }
        _ if payload.is_empty() => json.push('}'),
        _ => json.push_str(&format!(",\"data_base64\":\"{}\"}}", STANDARD.encode(payload))),
    }
    json.into_bytes()
}

/// The id and source that the event came with go on under other names: names that begin as ours do
/// are not for a receiver to believe, and another gateway would refuse them.
fn outer_name(name: &str) -> &str {
    match name {
        "sgid" => "originid",
        "sgsource" => "originsource",
        other => other,
    }
}

/// Names of attributes are lower-case letters and digits; those of the context are taken. What only
/// says how headers are written does not go out.
fn is_extension(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let taken = [
        "id",
        "source",
        "type",
        "subject",
        "time",
        "specversion",
        "datacontenttype",
        "data",
        "amqptypes",
    ];
    let is_ours = name.starts_with("sg") && outer_name(name) == name;
    !name.is_empty() && name.bytes().all(plain) && !taken.contains(&name) && !is_ours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::event;
    use bytes::Bytes;

    fn read(event: &Event) -> Value {
        serde_json::from_slice(&structured(event)).unwrap()
    }

    #[test]
    fn what_begins_as_ours_stays_here_and_where_the_event_came_from_goes_on() {
        let mut event = event();
        for (name, value) in [("sgid", "7"), ("sgsource", "/shop"), ("sgviolations", "1")] {
            event.parts_mut().attributes.push(name, value);
        }
        let all = attributes(&event);
        let of = |name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        assert_eq!((of("originid"), of("originsource")), (Some("7"), Some("/shop")));
        assert!(all.iter().all(|(name, _)| !name.starts_with("sg")), "{all:?}");
    }

    #[test]
    fn an_envelope_holds_the_attributes_and_the_payload_as_what_it_is() {
        let mut event = event();
        event.parts_mut().payload = Bytes::from_static(b" {\"n\":1.50} ");
        let json = read(&event);
        for (name, value) in [("id", event.id.to_string()), ("source", "github".into())] {
            assert_eq!(json[name], value, "{name}");
        }
        assert_eq!((&json["type"], &json["region"]), (&"push".into(), &"eu".into()));
        assert_eq!(json.get("amqptypes"), None);
        assert!(
            String::from_utf8(structured(&event)).unwrap().contains("\"data\": {\"n\":1.50} }")
        );
        event.parts_mut().payload = Bytes::from_static(b"{\"n\":");
        assert_eq!(read(&event)["data_base64"], "eyJuIjo=");
        event.parts_mut().content_type = "text/plain".into();
        assert_eq!(read(&event)["data"], "{\"n\":");
        event.parts_mut().payload = Bytes::new();
        event.parts_mut().content_type = String::new();
        assert_eq!((read(&event).get("data"), read(&event).get("data_base64")), (None, None));
    }
}
