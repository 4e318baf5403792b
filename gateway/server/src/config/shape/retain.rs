//! The shape of a queue's retention: a duration, or a section with more.
//!
//! The schema is written by hand, one with two types and not one of two schemas: so a fault within
//! the section is told where it is, and not as "none of these fits".

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::scalars::{Size, Span};

/// How long events stay in the log after they are settled.
#[derive(Debug, Default)]
pub(in crate::config) struct Retain {
    /// For so long.
    pub(in crate::config) time: Option<Span>,
    /// The newest so many bytes of them.
    pub(in crate::config) bytes: Option<Size>,
    /// Whether everything is kept, whatever the other two say.
    pub(in crate::config) hold: Option<bool>,
}

/// The section, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    time: Option<Span>,
    bytes: Option<Size>,
    hold: Option<bool>,
}

impl<'de> Deserialize<'de> for Retain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Retain;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a duration such as 7d, or a section with time, bytes and hold")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Retain, E> {
        let time = Span::deserialize(StrDeserializer::new(text))?;
        Ok(Retain { time: Some(time), ..Retain::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Retain, A::Error> {
        let Section { time, bytes, hold } = Section::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Retain { time, bytes, hold })
    }
}

impl JsonSchema for Retain {
    fn schema_name() -> Cow<'static, str> {
        "Retain".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How long events stay in the log after they are settled: a duration \
                            such as 7d, or a section.",
            "type": ["string", "object"],
            "pattern": Span::PATTERN,
            "additionalProperties": false,
            "properties": {
                "time": {
                    "description": "For so long; at most `3650d`.",
                    "anyOf": [generator.subschema_for::<Span>(), { "type": "null" }]
                },
                "bytes": {
                    "description": "At most the newest so many bytes of them.",
                    "anyOf": [generator.subschema_for::<Size>(), { "type": "null" }]
                },
                "hold": {
                    "description": "A legal hold: everything is kept. Default `false`.",
                    "type": ["boolean", "null"]
                }
            }
        })
    }
}
