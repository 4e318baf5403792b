//! Binary mode: attributes in `ce-` headers, the payload in the body (HTTP Protocol Binding 1.0.2,
//! section 3.1).

use bytes::Bytes;
use sluicegate_core::fields::Fields;

use super::attributes::{Attributes, CloudEvent};

/// Reads one event.
pub(super) fn one(
    headers: &Fields,
    content_type: &str,
    body: &Bytes,
) -> Result<CloudEvent, String> {
    let mut attributes = Attributes::default();
    for (header, value) in headers.iter() {
        let Some(name) = header.strip_prefix("ce-") else { continue };
        if name == "datacontenttype" {
            return Err("in binary mode content-type says it, not ce-datacontenttype".to_owned());
        }
        let value = decoded(value).ok_or_else(|| format!("ce-{name} is not well encoded"))?;
        attributes.put(name, value)?;
    }
    if !content_type.is_empty() {
        attributes.put("datacontenttype", content_type.to_owned())?;
    }
    attributes.event(body.clone())
}

/// The value of a header: quotes taken away, and percent-encoded UTF-8 decoded (section 3.1.3.2).
fn decoded(value: &str) -> Option<String> {
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = match quoted {
        Some(inner) => {
            let mut plain = String::with_capacity(inner.len());
            let mut rest = inner.chars();
            while let Some(char) = rest.next() {
                plain.push(if char == '\\' { rest.next()? } else { char });
            }
            plain
        }
        None => value.to_owned(),
    };
    if !plain.contains('%') {
        return Some(plain);
    }
    let mut bytes = Vec::with_capacity(plain.len());
    let mut rest = plain.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_decoded_as_the_binding_says() {
        for (value, plain) in [
            ("plain", Some("plain")),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("\"a \\\"b\\\" %25\"", Some("a \"b\" %")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
            ("%FF", None),
            ("\"\\\"", None),
        ] {
            assert_eq!(decoded(value).as_deref(), plain, "{value}");
        }
    }

    proptest! {
        #[test]
        fn decoding_never_panics(value in ".{0,40}") {
            let _ = decoded(&value);
        }
    }
}
