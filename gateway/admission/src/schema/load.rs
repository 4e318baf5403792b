//! What a schema makes of one value, in steps: a step is a comparison or a look into a table, about
//! ten nanoseconds. Most loads are too high: each value pays for the part of the schema that asks
//! most of any value at its level. Only for hostile patterns a step takes longer.

use serde_json::{Map, Value};

use crate::schema::document::is_meta_schema;
use crate::schema::pattern::positions;

/// The steps that one value at one level of a payload costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    /// Of any value.
    pub(crate) value: u64,
    /// More of an object.
    pub(crate) object: u64,
    /// More for each byte of a text or a key, in eighths.
    pub(crate) byte_eighths: u64,
    /// More of each value below it, and of itself.
    pub(crate) whole: u64,
    /// How often the items of an array are held against one another.
    pub(crate) unique: u64,
}

impl Load {
    pub(crate) fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    pub(crate) fn max(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    fn each(self, other: Self, how: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            value: how(self.value, other.value),
            object: how(self.object, other.object),
            byte_eighths: how(self.byte_eighths, other.byte_eighths),
            whole: how(self.whole, other.whole),
            unique: how(self.unique, other.unique),
        }
    }

    /// What the keywords of a schema cost at the value that it is applied to, without the schemas
    /// that they apply.
    pub(crate) fn of(schema: &Value) -> Self {
        let mut load = Self { value: 1, ..Self::default() };
        let Value::Object(object) = schema else { return load };
        for (keyword, value) in object {
            load.heed(keyword, value);
        }
        load
    }

    fn heed(&mut self, keyword: &str, value: &Value) {
        match (keyword, value) {
            ("enum", Value::Array(options)) => {
                self.byte_eighths += 1;
                // A set of texts is a table; anything else is compared one by one.
                let is_table = options.iter().all(|one| one.is_string() || one.is_null());
                self.value += if is_table { 1 } else { size(value) };
            }
            ("const", _) => {
                self.byte_eighths += 1;
                self.value += size(value);
            }
            ("properties", Value::Object(map)) => self.object += count(map.len()).min(SCANNED_MAX),
            ("required", Value::Array(names)) => self.object += count(names.len()),
            ("dependentRequired" | "dependentSchemas" | "dependencies", Value::Object(map)) => {
                self.object += map.values().map(names_of).fold(0, u64::saturating_add);
            }
            ("patternProperties", Value::Object(map)) => self.heed_patterns(map),
            ("pattern", Value::String(pattern)) => self.heed_pattern(pattern),
            ("minLength" | "maxLength", _) => self.byte_eighths += 1,
            ("format" | "contentMediaType" | "contentEncoding", _) => {
                self.byte_eighths += SCAN_EIGHTHS;
            }
            // Of fractions it takes long division.
            ("multipleOf", Value::Number(number)) if !number.is_u64() => self.value += DIVISION,
            ("uniqueItems", Value::Bool(true)) => self.unique += 1,
            ("$ref", Value::String(uri)) if is_meta_schema(uri) => self.whole += META_SCHEMA,
            _ => {}
        }
    }

    fn heed_patterns(&mut self, map: &Map<String, Value>) {
        map.keys().for_each(|pattern| self.heed_pattern(pattern));
    }

    fn heed_pattern(&mut self, pattern: &str) {
        let eighths = (positions(pattern) / PLACES_TOGETHER).saturating_add(PATTERN_EIGHTHS);
        self.byte_eighths = self.byte_eighths.saturating_add(eighths);
    }
}

/// The names that an entry of `dependencies` asks for, and itself.
fn names_of(entry: &Value) -> u64 {
    1 + entry.as_array().map_or(0, |names| count(names.len()))
}

/// The values that there are, containers and texts included. Schemas are small.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Properties that the validator looks through one by one; more of them are a table.
const SCANNED_MAX: u64 = 40;
/// Steps of one division of fractions.
const DIVISION: u64 = 100;
/// Steps that an official meta-schema takes for each value.
const META_SCHEMA: u64 = 300;
/// Eighths of a step for a byte that a format or an encoding looks at.
const SCAN_EIGHTHS: u64 = 8;
/// Places of a pattern that cost an eighth of a step. The engine looks at each of them only where
/// it cannot keep a table of what it has seen, and then it takes some thirty times as long.
const PLACES_TOGETHER: u64 = 4;
/// Eighths of a step for a byte of any pattern.
const PATTERN_EIGHTHS: u64 = 2;
