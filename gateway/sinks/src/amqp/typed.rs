//! Headers with the AMQP types that they had: reads what the source wrote into `amqptypes`.
//!
//! An entry that does not fit its header is not followed, and the header goes out as a text: a
//! filter may have written the attribute, or changed the header.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lapin::types::ShortString;
use lapin::types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString};
use serde_json::Value;
use sluicegate_core::limits::HEADER_DEPTH_MAX;

/// The entries of `amqptypes`: paths and types.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// By the first name in lower case: the name as it was, and the type of the whole header.
    headers: BTreeMap<String, (String, String)>,
    /// By the whole path within a header, as written.
    within: BTreeMap<String, String>,
}

impl Types {
    pub(crate) fn read(text: &str) -> Self {
        let mut types = Self::default();
        for entry in text.split(' ') {
            let Some((path, kind)) = entry.rsplit_once('=') else { continue };
            if path.contains('/') {
                types.within.insert(path.to_owned(), kind.to_owned());
            } else {
                let name = decoded(path);
                types.headers.insert(name.to_ascii_lowercase(), (name, kind.to_owned()));
            }
        }
        types
    }

    /// The name and the value of a header that is kept under this name, in lower case, as text.
    pub(crate) fn header(&self, name: &str, text: &str) -> (String, AMQPValue) {
        let Some((own, kind)) = self.headers.get(name) else {
            return (name.to_owned(), long(text));
        };
        let value = match kind.as_str() {
            "F" | "A" => serde_json::from_str(text)
                .ok()
                .and_then(|json: Value| self.json(&json, &encoded(own), HEADER_DEPTH_MAX)),
            kind => scalar(kind, text),
        };
        (own.clone(), value.unwrap_or_else(|| long(text)))
    }

    /// A value of a table or array; `None` if it is nested too deeply.
    fn json(&self, json: &Value, path: &str, depth: usize) -> Option<AMQPValue> {
        let depth = depth.checked_sub(1)?;
        let value = match json {
            Value::Object(map) => {
                let mut table = FieldTable::default();
                for (name, value) in map {
                    let value = self.json(value, &format!("{path}/{}", encoded(name)), depth)?;
                    table.insert(ShortString::try_new(name.as_str()).ok()?, value);
                }
                AMQPValue::FieldTable(table)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let item = |(at, item)| self.json(item, &format!("{path}/{at}"), depth);
                AMQPValue::FieldArray(FieldArray::from(
                    items.map(item).collect::<Option<Vec<_>>>()?,
                ))
            }
            plain => {
                let text = match plain {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let noted = self.within.get(path).and_then(|kind| scalar(kind, &text));
                noted.unwrap_or_else(|| usual(plain))
            }
        };
        Some(value)
    }
}

/// The type that JSON shows.
fn usual(json: &Value) -> AMQPValue {
    match json {
        Value::Bool(is) => AMQPValue::Boolean(*is),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => AMQPValue::LongLongInt(whole),
            (None, Some(double)) => AMQPValue::Double(double),
            (None, None) => AMQPValue::Void,
        },
        Value::String(text) => long(text),
        Value::Null | Value::Array(_) | Value::Object(_) => AMQPValue::Void,
    }
}

/// A value of this type from its text.
fn scalar(kind: &str, text: &str) -> Option<AMQPValue> {
    let value = match kind {
        "t" => AMQPValue::Boolean(text.parse().ok()?),
        "b" => AMQPValue::ShortShortInt(text.parse().ok()?),
        "B" => AMQPValue::ShortShortUInt(text.parse().ok()?),
        "s" => AMQPValue::ShortInt(text.parse().ok()?),
        "u" => AMQPValue::ShortUInt(text.parse().ok()?),
        "I" => AMQPValue::LongInt(text.parse().ok()?),
        "i" => AMQPValue::LongUInt(text.parse().ok()?),
        "l" => AMQPValue::LongLongInt(text.parse().ok()?),
        "f" => AMQPValue::Float(text.parse().ok()?),
        "d" => AMQPValue::Double(text.parse().ok()?),
        "D" => AMQPValue::DecimalValue(decimal(text)?),
        "T" => AMQPValue::Timestamp(text.parse().ok()?),
        "S" => long(text),
        "S64" => AMQPValue::LongString(LongString::from(STANDARD.decode(text).ok()?)),
        "x" => AMQPValue::ByteArray(ByteArray::from(STANDARD.decode(text).ok()?)),
        "V" => AMQPValue::Void,
        _ => return None,
    };
    Some(value)
}

fn decimal(text: &str) -> Option<DecimalValue> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let scale = u8::try_from(places.len()).ok()?;
    Some(DecimalValue { scale, value: format!("{whole}{places}").parse().ok()? })
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// A name as it stands in a path: as the source writes it.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '%' | '/' | '=') || char.is_whitespace() || char.is_control() {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        } else {
            text.push(char);
        }
    }
    text
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(digits.unwrap_or(b'%'));
        rest = if digits.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_written_for_a_type_is_read_as_that_type() {
        for (entry, text, value) in [
            ("", "héllo", long("héllo")),
            ("n=t", "true", AMQPValue::Boolean(true)),
            ("n=b", "-8", AMQPValue::ShortShortInt(-8)),
            ("n=i", "4294967295", AMQPValue::LongUInt(u32::MAX)),
            ("n=d", "0.1", AMQPValue::Double(0.1)),
            ("n=D", "0.005", AMQPValue::DecimalValue(DecimalValue { scale: 3, value: 5 })),
            ("n=D", "12.30", AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 1230 })),
            ("n=T", "7", AMQPValue::Timestamp(7)),
            ("n=x", "AP8=", AMQPValue::ByteArray(ByteArray::from(vec![0, 255]))),
            ("n=S64", "/w==", AMQPValue::LongString(LongString::from(vec![0xff]))),
            ("n=V", "", AMQPValue::Void),
        ] {
            assert_eq!(Types::read(entry).header("n", text), ("n".to_owned(), value), "{entry}");
        }
    }

    #[test]
    fn names_have_their_capitals_again_and_nested_values_their_types() {
        let types = Types::read("X-Id=S x-death/0/a%20b=T x-death=A");
        assert_eq!(types.header("x-id", "1"), ("X-Id".to_owned(), long("1")));
        let (_, value) = types.header("x-death", r#"[{"a b":7,"count":2,"q":"w"},null,1.0]"#);
        let mut table = FieldTable::default();
        table.insert("a b".into(), AMQPValue::Timestamp(7));
        table.insert("count".into(), AMQPValue::LongLongInt(2));
        table.insert("q".into(), long("w"));
        let items = vec![AMQPValue::FieldTable(table), AMQPValue::Void, AMQPValue::Double(1.0)];
        assert_eq!(value, AMQPValue::FieldArray(items.into()));
    }

    #[test]
    fn a_header_goes_out_as_deep_as_one_may_come_in_and_no_deeper() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let types = Types::read("n=A");
        let deep = nested(HEADER_DEPTH_MAX);
        assert!(matches!(types.header("n", &deep).1, AMQPValue::FieldArray(_)));
        let deeper = nested(HEADER_DEPTH_MAX + 1);
        assert_eq!(types.header("n", &deeper).1, long(&deeper));
    }

    #[test]
    fn an_entry_that_does_not_fit_leaves_the_text() {
        for (entry, text) in [("n=I", "x"), ("n=F", "{"), ("n=?", "1"), ("n", "1"), ("n=x", "%")] {
            assert_eq!(Types::read(entry).header("n", text).1, long(text), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn no_entry_makes_it_panic(types: String, name: String, text: String) {
            Types::read(&types).header(&name, &text);
        }

        #[test]
        fn a_name_is_decoded_as_it_was_encoded(name: String) {
            prop_assert_eq!(decoded(&encoded(&name)), name);
        }
    }
}
