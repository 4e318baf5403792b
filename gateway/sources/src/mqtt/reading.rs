//! What a message holds: headers and a body. User properties are its headers. Attributes of
//! CloudEvents are handed on as the headers that HTTP has for them, so that one reader in the house
//! judges both. Nothing is judged here.

use bytes::Bytes;
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::{HEADER_BYTES_MAX, HEADERS_MAX};
use sluicegate_core::refusal::Refusal;

use super::wire::Publish;
use crate::format::{Format, http_value};

/// The headers of a message.
///
/// # Errors
/// When they are over a bound.
pub(crate) fn headers(format: Format, publish: &Publish) -> Result<Fields, Refusal> {
    let mut headers = Fields::new();
    if publish.properties.is_none() && format == Format::CloudEvents {
        // 3.1.1 has structured mode only, and no place to say so (MQTT binding 1.0.2, section 3).
        headers.push(CONTENT_TYPE, STRUCTURED);
    }
    if let Some(properties) = &publish.properties {
        if let Some(content_type) = &properties.content_type {
            headers.push(CONTENT_TYPE, content_type);
        }
        for (name, value) in &properties.user_properties {
            // The property of the protocol counts, where it is set.
            if properties.content_type.is_none() || !name.eq_ignore_ascii_case(CONTENT_TYPE) {
                push(format, &mut headers, name, value);
            }
        }
    }
    let correlation = publish.properties.as_ref().and_then(|all| all.correlation_data.as_ref());
    let bytes = headers.text_len() + correlation.map_or(0, Bytes::len);
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(Refusal::HeadersTooLarge);
    }
    Ok(headers)
}

fn push(format: Format, headers: &mut Fields, name: &str, value: &str) {
    if format == Format::Message {
        return headers.push(name, value);
    }
    // Only the names that the binding has for MQTT are attributes (MQTT binding 1.0.2,
    // section 3.1).
    if name.len() < 3 || !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ce-")) {
        headers.push(name, value);
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !name.is_empty() && name.bytes().all(plain) {
        headers.push(&format!("ce-{name}"), &http_value(value));
    }
}

const CONTENT_TYPE: &str = "content-type";
const STRUCTURED: &str = "application/cloudevents+json";

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

    fn read(publish: &Publish) -> Vec<(String, String)> {
        let headers = headers(Format::CloudEvents, publish).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn attributes_of_cloudevents_get_the_names_that_http_has_and_others_cannot_take_them() {
        let pairs = [("id", "é %"), ("ce-id", "forged"), ("x-sig", "s"), ("Type", "no attribute")];
        let got = read(&publish(b"", &pairs));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for wanted in [pair("id", "é %"), pair("ce-id", "%C3%A9%20%25"), pair("x-sig", "s")] {
            assert!(got.contains(&wanted), "{wanted:?} in {got:?}");
        }
        assert!(!got.iter().any(|(name, value)| name == "ce-type" || value == "forged"), "{got:?}");
    }
}
