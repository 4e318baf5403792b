//! An event as a CloudEvent: its attributes as pairs, or the whole as JSON (CloudEvents 1.0.2, MQTT
//! binding sections 3.1 and 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sluicegate_core::delivery::is_json;
use sluicegate_core::event::Event;

/// The attributes of an event as pairs of name and text, the payload's media type not among them.
pub(crate) fn attributes(event: &Event) -> Vec<(String, String)> {
    let mut all = vec![
        ("specversion".to_owned(), "1.0".to_owned()),
        ("id".to_owned(), event.id.to_string()),
        ("source".to_owned(), event.source.to_string()),
        ("type".to_owned(), event.kind.clone()),
    ];
    all.extend(event.subject.clone().map(|subject| ("subject".to_owned(), subject)));
    all.extend(event.time.map(|time| ("time".to_owned(), time.rfc3339())));
    let own = event.attributes.iter().filter(|(name, _)| is_extension(name));
    all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    all
}

/// The event in JSON. A payload that is JSON stands in `data` as it came, text as text, and
/// everything else in `data_base64`.
pub(crate) fn structured(event: &Event) -> Vec<u8> {
    let pairs = attributes(event).into_iter().map(|(name, value)| (name, Value::String(value)));
    let mut map: Map<String, Value> = pairs.collect();
    if !event.content_type.is_empty() {
        map.insert("datacontenttype".to_owned(), Value::String(event.content_type.clone()));
    }
    let mut json = Value::Object(map).to_string();
    json.pop();
    let text = std::str::from_utf8(&event.payload).ok();
    let is_value = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    match text {
        Some(text) if is_json(&event.content_type) && is_value(text) => {
            // As it came, white space and all: a value that was read and written may be another.
            json.push_str(",\"data\":");
            json.push_str(text);
        }
        Some(text) if event.content_type.starts_with("text/") => {
            json.push_str(&format!(",\"data\":{}", Value::String(text.to_owned())));
        }
        _ if event.payload.is_empty() => {}
        _ => {
            let data = STANDARD.encode(&event.payload);
            json.push_str(&format!(",\"data_base64\":\"{data}\""));
        }
    }
    json.push('}');
    json.into_bytes()
}

/// Extension names are lower-case letters and digits; those of the context are taken.
fn is_extension(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let taken =
        ["id", "source", "type", "subject", "time", "specversion", "datacontenttype", "data"];
    !name.is_empty() && name.bytes().all(plain) && !taken.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{event, event_of};
    use super::*;

    #[test]
    fn json_stands_as_it_came_and_bytes_in_base64() {
        let whole = structured(&event());
        let text = String::from_utf8(whole).unwrap();
        assert!(text.ends_with(r#","data":{ "x": 1.0 }}"#), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["type"], &read["mqtttopic"]), (&"a/b".into(), &"meters/7".into()));
        let read: Value = serde_json::from_slice(&structured(&event_of(&[0xff]))).unwrap();
        assert_eq!(read["data_base64"], "/w==");
    }
}
