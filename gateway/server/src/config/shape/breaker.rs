//! The shape of a plugin's circuit breaker: `off`, or a section.
//!
//! The schema is written by hand, one with two types, as that of `retain` is: a fault within the
//! section is told where it is.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::scalars::Span;

/// When a version of a plugin that fails is taken out.
#[derive(Debug)]
pub(in crate::config) enum Breaker {
    /// Never.
    Off,
    /// As this says.
    On(Section),
}

/// The section, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Section {
    pub(in crate::config) failures: Option<u32>,
    pub(in crate::config) within: Option<Span>,
    pub(in crate::config) retry: Option<Span>,
}

impl<'de> Deserialize<'de> for Breaker {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Breaker;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("off, or a section with failures, within and retry")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Breaker, E> {
        match text {
            "off" => Ok(Breaker::Off),
            _ => Err(E::custom("a breaker is off, or a section with failures, within and retry")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Breaker, A::Error> {
        Section::deserialize(MapAccessDeserializer::new(map)).map(Breaker::On)
    }
}

impl JsonSchema for Breaker {
    fn schema_name() -> Cow<'static, str> {
        "Breaker".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "When a version of a plugin that fails is taken out: `off`, or a \
                            section.",
            "type": ["string", "object"],
            "pattern": "^off$",
            "additionalProperties": false,
            "properties": {
                "failures": {
                    "description": "After so many failures, if at least half of the calls since \
                                    the first of them failed. Default 10.",
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "maximum": 1000
                },
                "within": {
                    "description": "And if they came within this time. Default `10s`.",
                    "anyOf": [generator.subschema_for::<Span>(), { "type": "null" }]
                },
                "retry": {
                    "description": "Where no version was before it: how long until one event \
                                    tries it again. Default `30s`.",
                    "anyOf": [generator.subschema_for::<Span>(), { "type": "null" }]
                }
            }
        })
    }
}
