//! CloudEvents over AMQP: the attributes of an event that is one, in binary mode
//! (`cloudEvents:NAME` or `cloudEvents_NAME` among the headers) or structured
//! (`application/cloudevents+json`). The payload stays as it came in both.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use sluicegate_core::delivery::{Transport, media_type};
use sluicegate_core::fields::Fields;
use sluicegate_core::time::Timestamp;

/// What a CloudEvent says of itself, as text by the names of its attributes.
type Said<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Reads what a CloudEvent says into the delivery's transport. What is no CloudEvent says nothing.
pub(super) fn read(headers: &Fields, body: &[u8], transport: &mut Transport, keyed: bool) {
    let media = media_type(headers.first("content-type").unwrap_or_default());
    let said =
        if media == "application/cloudevents+json" { structured(body) } else { binary(headers) };
    let Some(said) = said.filter(|said| said.contains_key("specversion")) else { return };
    let one = |name: &str| said.get(name).map(|text| text.clone().into_owned());
    transport.kind = one("type").or(transport.kind.take());
    transport.subject = one("subject");
    let time = said.get("time").and_then(|text| Timestamp::parse_rfc3339(text).ok());
    transport.time = time.or(transport.time);
    if let (true, None, Some(id)) = (keyed, &transport.dedupe, said.get("id")) {
        // A producer is known by its source: two of them may have the same ids.
        let source = said.get("source").map_or("", |source| source.as_ref());
        transport.dedupe = Some(format!("{source} {id}"));
    }
    for (name, text) in &said {
        match name.as_ref() {
            "id" => transport.attributes.push("ceid", text),
            "source" => transport.attributes.push("cesource", text),
            "specversion" | "type" | "subject" | "time" | "datacontenttype" => {}
            name if is_extension(name) => transport.attributes.push(name, text),
            _ => {}
        }
    }
}

fn binary(headers: &Fields) -> Option<Said<'_>> {
    let said: Said<'_> = headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("cloudevents")?.strip_prefix([':', '_'])?;
            Some((Cow::Borrowed(name), Cow::Borrowed(value)))
        })
        .collect();
    (!said.is_empty()).then_some(said)
}

/// The members of an envelope that are text, numbers or truth values.
fn structured(body: &[u8]) -> Option<Said<'_>> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(default, rename = "data")]
        _data: IgnoredAny,
        #[serde(default, rename = "data_base64")]
        _data_base64: IgnoredAny,
        #[serde(borrow, flatten)]
        said: BTreeMap<Cow<'a, str>, Value>,
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    let text = |(name, value): (Cow<'static, str>, Value)| match value {
        Value::String(text) => Some((name, Cow::Owned(text))),
        Value::Number(number) => Some((name, Cow::Owned(number.to_string()))),
        Value::Bool(is) => Some((name, Cow::Owned(is.to_string()))),
        _ => None,
    };
    let said =
        envelope.said.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value));
    Some(said.filter_map(text).collect())
}

/// Names of attributes are lower-case letters and digits (CloudEvents 1.0.2, section 3.1). Those
/// that begin as ours do, or as this protocol's, are not a sender's to set.
fn is_extension(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty()
        && name.bytes().all(plain)
        && !["sg", "amqp", "mqtt", "ceid", "cesource"].iter().any(|ours| name.starts_with(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().copied().collect()
    }

    const BINARY: [(&str, &str); 8] = [
        ("content-type", "application/json"),
        ("cloudevents:specversion", "1.0"),
        ("cloudevents:id", "7"),
        ("cloudevents:source", "/shop"),
        ("cloudevents:type", "order.paid"),
        ("cloudevents:time", "2026-11-22T00:00:00Z"),
        ("cloudevents:region", "eu"),
        ("cloudevents:sgroute", "mine"),
    ];

    #[test]
    fn binary_mode_is_read_under_both_prefixes() {
        for separator in [":", "_"] {
            let names = BINARY.map(|(name, value)| (name.replace(':', separator), value));
            let headers: Fields =
                names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let mut transport = Transport::default();
            read(&headers, b"{}", &mut transport, true);
            assert_eq!(transport.kind.as_deref(), Some("order.paid"));
            assert_eq!(transport.dedupe.as_deref(), Some("/shop 7"));
            assert_eq!(transport.time, Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").ok());
            let got: Vec<_> = transport.attributes.iter().collect();
            assert_eq!(got, [("ceid", "7"), ("region", "eu"), ("cesource", "/shop")]);
        }
    }

    #[test]
    fn an_envelope_is_read_and_its_data_is_not() {
        let body = br#"{"specversion":"1.0","id":"7","source":"/s","type":"t","subject":"x",
            "count":3,"data":{"type":"other"},"deep":{"a":1}}"#;
        let media = [("content-type", "application/cloudevents+json; charset=UTF-8")];
        let mut transport = Transport::default();
        read(&headers(&media), body, &mut transport, false);
        assert_eq!(
            (transport.kind.as_deref(), transport.subject.as_deref()),
            (Some("t"), Some("x"))
        );
        assert_eq!(transport.dedupe, None);
        let got: Vec<_> = transport.attributes.iter().collect();
        assert_eq!(got, [("count", "3"), ("ceid", "7"), ("cesource", "/s")]);
    }

    #[test]
    fn what_is_no_cloudevent_says_nothing() {
        let envelope = [("content-type", "application/cloudevents+json")];
        for (pairs, body) in [
            (&[("content-type", "application/json")][..], &b"{}"[..]),
            (&[("cloudevents:type", "x")], b""),
            (&envelope, b"not json"),
            (&envelope, b"[]"),
            (&envelope, br#"{"type":"x"}"#),
        ] {
            let mut transport = Transport { kind: Some("kept".into()), ..Transport::default() };
            read(&headers(pairs), body, &mut transport, true);
            assert_eq!((transport.kind.as_deref(), transport.dedupe), (Some("kept"), None));
            assert!(transport.attributes.is_empty());
        }
    }
}
