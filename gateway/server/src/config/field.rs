//! The name of a field of an event, as queues refer to it: `subject`, `attributes.priority`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use sluicegate_queue::Field;

/// A field of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct FieldName(pub(in crate::config) Field);

impl FieldName {
    /// Reads the name of a field; `None` if it is none.
    fn parse(text: &str) -> Option<Self> {
        let name = |name: &str| {
            let own = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(own);
            fits.then(|| name.to_ascii_lowercase())
        };
        let field = match text.split_once('.') {
            None => match text {
                "subject" => Field::Subject,
                "type" => Field::Type,
                "source" => Field::Source,
                _ => return None,
            },
            Some(("attributes", rest)) => Field::Attribute(name(rest)?),
            Some(("headers", rest)) => Field::Header(name(rest)?),
            Some(_) => return None,
        };
        Some(Self(field))
    }

    /// The name as people write it.
    pub(in crate::config) fn written(field: &Field) -> String {
        match field {
            Field::Subject => "subject".to_owned(),
            Field::Type => "type".to_owned(),
            Field::Source => "source".to_owned(),
            Field::Attribute(name) => format!("attributes.{name}"),
            Field::Header(name) => format!("headers.{name}"),
        }
    }
}

/// Bytes in the name of an attribute or header; the pattern of the schema says the same.
const NAME_BYTES_MAX: usize = 64;

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom("a field is subject, type, source, attributes.NAME or headers.NAME")
        })
    }
}

impl JsonSchema for FieldName {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A field of an event: subject, type, source, attributes.NAME or \
                            headers.NAME.",
            "type": "string",
            "pattern": "^(subject|type|source|(attributes|headers)\\.[A-Za-z0-9_-]{1,64})$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_written_by_one_name() {
        for text in ["subject", "type", "source", "attributes.priority", "headers.x-key"] {
            let field = FieldName::parse(text).unwrap();
            assert_eq!(FieldName::written(&field.0), text);
        }
        let header = FieldName::parse("headers.X-Key").unwrap();
        assert_eq!(header.0, Field::Header("x-key".into()), "names are compared in lower case");
        let long = format!("attributes.{}", "x".repeat(65));
        for bad in ["", "payload", "attributes", "attributes.", "headers.a b", "x.y", &long] {
            assert_eq!(FieldName::parse(bad), None, "{bad}");
        }
    }
}
