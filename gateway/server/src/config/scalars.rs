//! Durations and sizes as people write them: `10s`, `500ms`, `7d`; `64MiB`, `1000`.
//!
//! What is written out is read again as the same.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

/// A duration written with its unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A number of bytes: plain, or with `KB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Span {
    /// How a duration is written, for schemas.
    pub(in crate::config) const PATTERN: &'static str = "^[0-9]{1,12}(ms|s|m|h|d)$";

    /// The duration as people write it, in the largest unit that holds it exactly.
    pub(in crate::config) fn written(self) -> String {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, factor): &&(&str, u64)| ms > 0 && ms.is_multiple_of(*factor);
        let (unit, factor) = SPAN_UNITS.iter().rev().find(fits).unwrap_or(&("s", 1));
        format!("{}{unit}", ms / factor)
    }
}

impl Size {
    /// The size as people write it, in the largest binary unit that holds it exactly.
    pub(in crate::config) fn written(self) -> String {
        let fits = |(_, factor): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = BINARY_UNITS.iter().rev().find(fits).unwrap_or(&("", 1));
        format!("{}{unit}", self.0 / factor)
    }
}

const BINARY_UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

const SPAN_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("", 1),
];

/// Reads a duration or a size from the command line.
///
/// # Errors
/// What it must look like.
pub fn shown<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|fault| fault.to_string())
}

/// Reads `number` and one of the units; `None` if it is neither or too large.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        scaled(&text, &SPAN_UNITS)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(|| D::Error::custom("a duration is a number with ms, s, m, h or d"))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(from)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => scaled(&text, &SIZE_UNITS).map(Self).ok_or_else(|| {
                D::Error::custom("a size is a number with KiB, MiB, GiB, KB, MB or GB")
            }),
        }
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: a number with ms, s, m, h or d, such as 500ms or 7d.",
            "type": "string",
            "pattern": Self::PATTERN
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, such as 65536, 64KiB or 1GiB.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]{1,12}(KiB|MiB|GiB|KB|MB|GB)?$",
            "minimum": 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        let span = |text: &str| serde_json::from_value::<Span>(text.into()).map(|s| s.0).ok();
        assert_eq!(span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(span("7d"), Some(Duration::from_secs(604_800)));
        for bad in ["", "5", "s", "-1s", "1.5s", "1 s", "99999999999999999999s", "9é"] {
            assert_eq!(span(bad), None, "{bad}");
        }
        let size =
            |value: serde_json::Value| serde_json::from_value::<Size>(value).map(|s| s.0).ok();
        assert_eq!(size("64KiB".into()), Some(65536));
        assert_eq!(size(12.into()), Some(12));
        assert_eq!(size("1TB".into()), None);
    }

    #[test]
    fn what_is_written_out_is_read_as_the_same() {
        for ms in [0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000, 604_800_000] {
            let span = Span(Duration::from_millis(ms));
            assert_eq!(serde_json::from_value::<Span>(span.written().into()).unwrap(), span);
        }
        assert_eq!(Span(Duration::from_secs(604_800)).written(), "7d");
        assert_eq!(Span(Duration::ZERO).written(), "0s");
        for bytes in [0, 1, 1000, 1024, 3 << 20, 10 << 30, (10 << 30) + 1] {
            let size = Size(bytes);
            assert_eq!(serde_json::from_value::<Size>(size.written().into()).unwrap(), size);
        }
        assert_eq!(Size(10 << 30).written(), "10GiB");
    }
}
