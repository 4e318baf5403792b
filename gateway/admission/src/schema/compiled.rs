//! A schema, checked and compiled once.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use sluicegate_core::refusal::Violation;

use crate::schema::bounds;
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::schema::unfold;
use crate::schema::violations;

/// A compiled schema. Cheap to judge by, safe to share.
#[derive(Debug)]
pub struct Compiled {
    validator: Validator,
    /// Levels that a value may have, where the parser's bound is not enough.
    levels_max: Option<usize>,
}

impl Compiled {
    /// Compiles a schema of the draft that its `$schema` names, or 2020-12. References stay within
    /// the schema; patterns run in linear time (no look-around, no back-references).
    ///
    /// # Errors
    /// When the schema is over a bound, refers outside itself, or is not valid in its draft.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        let levels_max = bounds::check(schema).map_err(SchemaFault::new)?;
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(schema)
            .map_err(|fault| {
                let place = fault.instance_path().to_string();
                let place = if place.is_empty() { String::new() } else { format!("at {place}: ") };
                SchemaFault::new(SchemaProblem::Invalid(format!("{place}{fault}")))
            })?;
        Ok(Self { validator, levels_max })
    }

    /// Whether the value keeps to the schema.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.too_deep(value).is_none() && self.validator.is_valid(value)
    }

    /// In which ways the value breaks the schema, at most `max`; none if it keeps to it.
    #[must_use]
    pub fn violations(&self, value: &Value, max: usize) -> Vec<Violation> {
        if let Some(violation) = self.too_deep(value) {
            return vec![violation];
        }
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        violations::collect(value, self.validator.iter_errors(value), max)
    }

    fn too_deep(&self, value: &Value) -> Option<Violation> {
        let levels = self.levels_max.filter(|levels| unfold::is_deeper(value, *levels))?;
        Some(Violation {
            instance: String::new(),
            schema: String::new(),
            keyword: "json".into(),
            message: format!("payload is nested deeper than the {levels} levels of its schema"),
        })
    }
}

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1024 * 1024;
