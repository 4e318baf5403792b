//! The types of JSON as a set. Numbers are three: draft 4 does not take 1.0 for an integer.

use std::ops::{BitAnd, BitOr};

use serde_json::Value;

use crate::schema::document::Draft;

/// A set of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    /// `1`.
    pub(super) const INTEGER: Self = Self(4);
    /// `1.0`.
    pub(super) const WHOLE: Self = Self(8);
    /// `1.5`.
    pub(super) const FRACTION: Self = Self(16);
    pub(super) const STRING: Self = Self(32);
    pub(super) const ARRAY: Self = Self(64);
    pub(super) const OBJECT: Self = Self(128);
    pub(super) const NUMBER: Self = Self(28);
    pub(super) const ANY: Self = Self(255);

    /// The type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_i64() || number.is_u64() => Self::INTEGER,
            Value::Number(number) => match number.as_f64() {
                Some(number) if number.fract() == 0.0 => Self::WHOLE,
                _ => Self::FRACTION,
            },
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// What `type` says.
    pub(super) fn said(value: &Value, draft: Draft) -> Self {
        let one = |name: &Value| match name.as_str().unwrap_or_default() {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" if draft == Draft::Four => Self::INTEGER,
            "integer" => Self::INTEGER | Self::WHOLE,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        };
        match value {
            Value::Array(names) => names.iter().map(one).fold(Self::NONE, |a, b| a | b),
            name => one(name),
        }
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether every type of this set is in the other.
    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The kinds in it, each alone.
    pub(super) fn kinds(self) -> Vec<Self> {
        let kinds =
            [Self::NULL, Self::BOOLEAN, Self::NUMBER, Self::STRING, Self::ARRAY, Self::OBJECT];
        kinds.into_iter().map(|kind| kind & self).filter(|kind| !kind.is_none()).collect()
    }

    /// The types that are in this set and not in the other, in words.
    pub(super) fn without(self, other: Self) -> String {
        let names = [
            (Self::NULL, "null"),
            (Self::BOOLEAN, "boolean"),
            (Self::INTEGER, "integer"),
            (Self::WHOLE, "integer written as 1.0"),
            (Self::FRACTION, "number"),
            (Self::STRING, "string"),
            (Self::ARRAY, "array"),
            (Self::OBJECT, "object"),
        ];
        let missing = names.iter().filter(|(kind, _)| kind.is_within(self) && !kind.meets(other));
        missing.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl BitAnd for Types {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Types {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
