//! A delivery in a signed JSON envelope: for senders whose protocol has no place for headers, such
//! as devices that speak MQTT 3.1.1.
//!
//! The body is `{"headers":{"webhook-id":"1",...},"body":"..."}`, or has `body_base64` in place of
//! `body`. What is inside is judged as if it had come so over HTTP: by the same schemes, keys and
//! windows. What is signed is the text itself, so that nobody must agree on how JSON is written.
//! Nothing in an envelope is believed here: it is only taken out.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use sluicegate_core::delivery::Delivery;
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::{HEADER_BYTES_MAX, HEADERS_MAX};
use sluicegate_core::signature::SignatureFault;

use crate::gate::GateProblem;
use crate::json;
use crate::signature::{Proof, Scheme};

/// Whether deliveries come in envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrapping {
    /// As they are.
    #[default]
    Bare,
    /// In a JSON envelope. A delivery without one is refused.
    Envelope,
}

impl Wrapping {
    /// What is wrong with envelopes for this scheme. A token would lie in the body, where it cannot
    /// be masked; a scheme that reads the body itself would not find it.
    pub(crate) fn check(self, scheme: &Scheme) -> Option<GateProblem> {
        let fits = match scheme {
            Scheme::Generic(_) => true,
            Scheme::Preset(preset) => matches!(preset.proof, Proof::Hmac | Proof::PublicKey),
            Scheme::None | Scheme::Token { .. } => false,
        };
        let why = "an envelope is for schemes that sign, with the signature in a header";
        (self == Self::Envelope && !fits).then(|| GateProblem::Scheme(why.into()))
    }

    /// The delivery that is to be judged.
    pub(crate) fn open(self, delivery: &Delivery) -> Result<Cow<'_, Delivery>, SignatureFault> {
        match self {
            Self::Bare => Ok(Cow::Borrowed(delivery)),
            Self::Envelope => unwrapped(delivery).map(Cow::Owned).map_err(malformed),
        }
    }
}

/// An envelope with these headers and this body in it.
#[must_use]
pub fn wrap(headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let text = |text: &String| Value::String(text.clone());
    let inner: Map<_, _> =
        headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let mut members = Map::new();
    members.insert("headers".to_owned(), Value::Object(inner));
    match std::str::from_utf8(body) {
        Ok(text) => members.insert("body".to_owned(), text.into()),
        Err(_) => members.insert("body_base64".to_owned(), STANDARD.encode(body).into()),
    };
    Value::Object(members).to_string().into_bytes()
}

fn malformed(what: &str) -> SignatureFault {
    SignatureFault::Malformed { what: format!("envelope: {what}") }
}

fn unwrapped(delivery: &Delivery) -> Result<Delivery, &'static str> {
    let Ok(Value::Object(mut members)) = json::parse(&delivery.body) else {
        return Err("the body is no JSON object, or has a key twice");
    };
    let Some(Value::Object(inner)) = members.remove("headers") else {
        return Err("it has no object \"headers\"");
    };
    let body = body(&mut members)?;
    if !members.is_empty() {
        return Err("it has members beside headers and body");
    }
    let headers = headers(&inner, &delivery.headers)?;
    Ok(Delivery { headers, body, ..delivery.clone() })
}

fn body(members: &mut Map<String, Value>) -> Result<Bytes, &'static str> {
    match (members.remove("body"), members.remove("body_base64")) {
        (Some(Value::String(text)), None) => Ok(text.into()),
        (None, Some(Value::String(text))) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err("body_base64 is not base64"),
        },
        _ => Err("it has no text \"body\" or \"body_base64\", or has both"),
    }
}

/// Those inside, then those that the protocol has. What is in both is doubled, and a scheme that
/// needs it refuses it. How the envelope itself is written says nothing of what is inside.
fn headers(inner: &Map<String, Value>, outer: &Fields) -> Result<Fields, &'static str> {
    let mut headers = Fields::with_capacity(inner.len() + outer.len(), outer.text_len());
    for (name, value) in inner {
        if !is_name(name) {
            return Err("a header has a name that is none");
        }
        let value = value.as_str().ok_or("a header is not a text")?;
        headers.push(name, value);
    }
    if headers.first("content-type").is_none() {
        headers.push("content-type", "application/json");
    }
    for (name, value) in outer.iter().filter(|(name, _)| !OF_ENVELOPE.contains(name)) {
        headers.push(name, value);
    }
    if headers.len() > HEADERS_MAX || headers.text_len() > HEADER_BYTES_MAX {
        return Err("it has too many headers, or too long ones");
    }
    Ok(headers)
}

/// Whether HTTP takes it for the name of a header (RFC 9110 section 5.6.2).
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

const OF_ENVELOPE: [&str; 3] = ["content-type", "content-encoding", "content-length"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_core::delivery::Transport;

    fn delivery(body: &[u8]) -> Delivery {
        let headers = [("content-type", "text/plain"), ("traceparent", "00-1"), ("x-a", "outer")];
        Delivery {
            source: "s".parse().unwrap(),
            method: "PUBLISH".into(),
            target: "/".into(),
            headers: headers.into_iter().collect(),
            body: Bytes::copy_from_slice(body),
            peer: None,
            transport: Transport::default(),
        }
    }

    #[test]
    fn what_is_inside_comes_first_and_the_body_is_the_text_unescaped() {
        let text = br#"{"body":"{\"n\": 1}\u20ac","headers":{"X-A":"inner"}}"#;
        let opened = unwrapped(&delivery(text)).unwrap();
        assert_eq!(opened.body, "{\"n\": 1}€");
        let expected = [
            ("x-a", "inner"),
            ("content-type", "application/json"),
            ("traceparent", "00-1"),
            ("x-a", "outer"),
        ];
        assert_eq!(opened.headers.iter().collect::<Vec<_>>(), expected);
        let text = br#"{"body_base64":"AP8=","headers":{"content-type":"a/b"}}"#;
        let opened = unwrapped(&delivery(text)).unwrap();
        assert_eq!(opened.body.as_ref(), [0, 0xff]);
        assert_eq!(opened.headers.all("content-type").collect::<Vec<_>>(), ["a/b"]);
    }

    #[test]
    fn what_is_no_envelope_is_malformed() {
        let many: Vec<String> = (0..=HEADERS_MAX).map(|at| format!("\"h{at}\":\"\"")).collect();
        let many = format!("{{\"headers\":{{{}}},\"body\":\"\"}}", many.join(","));
        let long = "x".repeat(HEADER_BYTES_MAX);
        let long = format!("{{\"headers\":{{\"a\":\"{long}\"}},\"body\":\"\"}}");
        for text in [
            "",
            "text",
            "[]",
            "{}",
            r#"{"headers":{}}"#,
            r#"{"body":""}"#,
            r#"{"headers":[],"body":""}"#,
            r#"{"headers":{"a":1},"body":""}"#,
            r#"{"headers":{},"body":{}}"#,
            r#"{"headers":{},"body":"","body_base64":""}"#,
            r#"{"headers":{},"body_base64":"%"}"#,
            r#"{"headers":{},"body":"","more":1}"#,
            r#"{"headers":{},"headers":{},"body":""}"#,
            r#"{"headers":{"a":"1","a":"2"},"body":""}"#,
            r#"{"headers":{"":"1"},"body":""}"#,
            r#"{"headers":{"a b":"1"},"body":""}"#,
            r#"{"headers":{"a\n":"1"},"body":""}"#,
            &many,
            &long,
        ] {
            let fault = Wrapping::Envelope.open(&delivery(text.as_bytes())).unwrap_err();
            assert_eq!(fault.code(), "malformed", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_body_comes_out_as_it_went_in(bytes: Vec<u8>, text: String) {
            let headers = [("a".to_owned(), text.clone())];
            for body in [bytes.as_slice(), text.as_bytes()] {
                let opened = unwrapped(&delivery(&wrap(&headers, body))).unwrap();
                prop_assert_eq!(opened.body.as_ref(), body);
                prop_assert_eq!(opened.headers.first("a"), Some(text.as_str()));
            }
        }

        #[test]
        fn noise_never_panics(noise: Vec<u8>) {
            let _ = unwrapped(&delivery(&noise));
        }
    }
}
