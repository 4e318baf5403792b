//! The payload as JSON: parsed once, strictly, and only if someone asks.
//!
//! Strictly: a document with a key twice in one object is ambiguous (two readers may see two
//! different things), so it has no JSON value here (RFC 8259 section 4, RFC 7493 section 2.3).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use sluicegate_core::event::Event;

use crate::facts::{form_field, is_form};

/// The JSON of one event's payload, parsed at the first question and kept.
#[derive(Debug, Default)]
pub struct Json {
    form_field: Option<Arc<str>>,
    parsed: OnceLock<Option<Value>>,
}

impl Json {
    /// The JSON of an event whose payload, if it is JSON, is JSON as a whole: what filters emit.
    #[must_use]
    pub fn lazy() -> Self {
        Self::default()
    }

    /// As [`Json::lazy`], but where the payload is a form, its JSON is in this field.
    pub(crate) fn in_form(form_field: Option<Arc<str>>) -> Self {
        Self { form_field, parsed: OnceLock::new() }
    }

    /// The value, if the payload is JSON without doubled keys and not too deep. Always ask about
    /// the same event.
    pub fn value(&self, event: &Event) -> Option<&Value> {
        self.parsed.get_or_init(|| self.parse(event).ok()).as_ref()
    }

    /// The value, or why there is none.
    pub(crate) fn read(&self, event: &Event) -> Result<&Value, JsonFault> {
        let known = match self.parsed.get() {
            Some(known) => known,
            None => {
                let value = self.parse(event)?;
                self.parsed.get_or_init(|| Some(value))
            }
        };
        known.as_ref().ok_or_else(|| JsonFault("payload is not JSON".into()))
    }

    fn parse(&self, event: &Event) -> Result<Value, JsonFault> {
        parse(&self.document(event)?)
    }

    fn document<'e>(&self, event: &'e Event) -> Result<Cow<'e, [u8]>, JsonFault> {
        match &self.form_field {
            Some(name) if is_form(&event.content_type) => form_field(&event.payload, name)
                .ok_or_else(|| JsonFault(format!("form has no field {name}, or has it twice"))),
            _ => Ok(Cow::Borrowed(&event.payload)),
        }
    }
}

/// Why a payload has no JSON value, with the place, without any of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonFault(pub(crate) String);

/// Parses one document. Its depth is bounded by the parser (128), so it cannot overflow the stack.
pub(crate) fn parse(document: &[u8]) -> Result<Value, JsonFault> {
    let mut reader = serde_json::Deserializer::from_slice(document);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|fault| JsonFault(format!("payload is not JSON: {fault}")))
}

/// Builds a `Value` as `serde_json` does, but refuses doubled keys.
struct Strict;

impl<'d> DeserializeSeed<'d> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'d>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'d> Visitor<'d> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.insert(key, map.next_value_seed(Strict)?).is_some() {
                return Err(A::Error::custom("a key is there twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubled_keys_are_refused_at_any_depth() {
        for document in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            let fault = parse(document.as_bytes()).unwrap_err();
            assert!(fault.0.contains("twice"), "{}", fault.0);
        }
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn ten_thousand_levels_are_refused_without_harm() {
        for open in ["[", r#"{"a":"#] {
            let fault = parse(open.repeat(10_000).as_bytes()).unwrap_err();
            assert!(fault.0.contains("recursion limit"), "{}", fault.0);
        }
    }

    #[test]
    fn what_is_not_one_json_document_in_utf_8_is_refused() {
        let documents: [&[u8]; 7] =
            [b"", b"{", b"{} {}", b"NaN", b"\xef\xbb\xbf{}", b"\"\xff\"", br#""\ud800""#];
        for bad in documents {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_agrees_with_serde_json(
            document in "[\\[\\]{}\",:a0-9. eE+-]{0,40}"
        ) {
            if let Ok(value) = parse(document.as_bytes()) {
                prop_assert_eq!(Some(value), serde_json::from_str(&document).ok());
            }
        }
    }
}
