//! A schema, checked and compiled once.

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;
use sluicegate_core::refusal::Violation;

use crate::schema::bounds;
use crate::schema::document::Document;
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::schema::unfold;
use crate::schema::violations;

/// A compiled schema. Cheap to judge by, safe to share.
#[derive(Debug)]
pub struct Compiled {
    validator: Validator,
    /// Levels that a value may have, where the parser's bound is not enough.
    levels_max: Option<usize>,
    /// Values that a payload may have, so that judging it stays within [`JUDGEMENTS_MAX`].
    values_max: usize,
}

/// Whether `format` is a demand or a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formats {
    /// As the draft has it: a demand up to draft 7, a note from 2019-09 on.
    #[default]
    Draft,
    /// A demand.
    Assert,
    /// A note.
    Annotate,
}

impl Compiled {
    /// Compiles a schema of the draft that its `$schema` names, or 2020-12. References stay within
    /// the schema; patterns run in linear time (no look-around, no back-references).
    ///
    /// # Errors
    /// When the schema is over a bound, refers outside itself, or is not valid in its draft.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        Self::compile_among(Document { uri: "", schema }, &[], Formats::Draft)
    }

    /// The same for a schema that may refer to `others`.
    ///
    /// # Errors
    /// As above; the bounds hold for everything that it refers to, together.
    pub fn compile_among(
        root: Document<'_>,
        others: &[Document<'_>],
        formats: Formats,
    ) -> Result<Self, SchemaFault> {
        let price = bounds::check(root, others).map_err(SchemaFault::new)?;
        let values_max = JUDGEMENTS_MAX / price.cost.max(1);
        let validator = build(root, others, formats).map_err(SchemaFault::new)?;
        let values_max = usize::try_from(values_max).unwrap_or(usize::MAX);
        Ok(Self { validator, levels_max: price.levels_max, values_max })
    }

    /// Whether the value keeps to the schema.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.out_of_bounds(value).is_none() && self.validator.is_valid(value)
    }

    /// In which ways the value breaks the schema, at most `max`; none if it keeps to it.
    #[must_use]
    pub fn violations(&self, value: &Value, max: usize) -> Vec<Violation> {
        if let Some(violation) = self.out_of_bounds(value) {
            return vec![violation];
        }
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        // The library gathers every violation, with copies of what broke it, before the first is
        // seen: of a large payload only the verdict is told.
        if has_more_values(value, EXPLAINED_VALUES_MAX) {
            return vec![as_a_whole(
                "schema",
                "payload breaks its schema; it is too large to say where",
            )];
        }
        violations::collect(value, self.validator.iter_errors(value), max)
    }

    /// What judging must not be begun on.
    fn out_of_bounds(&self, value: &Value) -> Option<Violation> {
        if has_more_values(value, self.values_max) {
            let max = self.values_max;
            let message =
                format!("payload has more than the {max} values that its schema may judge");
            return Some(as_a_whole("json", message));
        }
        let levels = self.levels_max.filter(|levels| unfold::is_deeper(value, *levels))?;
        let message = format!("payload is nested deeper than the {levels} levels of its schema");
        Some(as_a_whole("json", message))
    }
}

fn build(
    root: Document<'_>,
    others: &[Document<'_>],
    formats: Formats,
) -> Result<Validator, SchemaProblem> {
    let invalid = |fault: &dyn std::fmt::Display| SchemaProblem::Invalid(fault.to_string());
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    let base = root.base().ok_or_else(|| SchemaProblem::BadUri(root.uri.to_owned()))?;
    let mut registry = jsonschema::Registry::new().retriever(Nothing);
    for document in others {
        registry = registry.add(document.uri, document.schema).map_err(|fault| invalid(&fault))?;
    }
    let registry = registry.prepare().map_err(|fault| invalid(&fault))?;
    let options = jsonschema::options()
        .with_registry(&registry)
        .with_base_uri(base.as_str())
        .offline()
        .with_pattern_options(patterns);
    let options = match formats {
        Formats::Draft => options,
        Formats::Assert => options.should_validate_formats(true),
        Formats::Annotate => options.should_validate_formats(false),
    };
    options.build(root.schema).map_err(|fault| {
        let place = fault.instance_path().to_string();
        let place = if place.is_empty() { String::new() } else { format!("at {place}: ") };
        SchemaProblem::Invalid(format!("{place}{fault}"))
    })
}

/// Retrieves nothing, from nowhere.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not registered; nothing is fetched").into())
    }
}

fn as_a_whole(keyword: &str, message: impl Into<String>) -> Violation {
    Violation {
        instance: String::new(),
        schema: String::new(),
        keyword: keyword.into(),
        message: message.into(),
    }
}

/// Whether a payload has more values than this, containers included. Stops as soon as it knows.
fn has_more_values(value: &Value, max: usize) -> bool {
    fn count(value: &Value, left: usize) -> Option<usize> {
        let rest = left.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().try_fold(rest, |rest, item| count(item, rest)),
            Value::Object(map) => map.values().try_fold(rest, |rest, item| count(item, rest)),
            _ => Some(rest),
        }
    }
    count(value, max).is_none()
}

/// Applications of a part of a schema to a value for one payload, at the very most: seconds.
const JUDGEMENTS_MAX: u64 = 200_000_000;

/// Values of a payload of which violations are listed.
const EXPLAINED_VALUES_MAX: usize = 5_000;

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_with_too_many_values_for_its_schema_is_not_judged() {
        let ten = |name: &str| json!({ "allOf": vec![json!({ "$ref": name }); 10] });
        let schema = json!({
            "items": { "$ref": "#/$defs/a" },
            "$defs": {
                "a": ten("#/$defs/b"), "b": ten("#/$defs/c"), "c": ten("#/$defs/d"),
                "d": { "minimum": 0 }
            }
        });
        let compiled = Compiled::compile(&schema).unwrap();
        assert!(compiled.accepts(&json!([1, 2])));
        let wide = Value::Array(vec![json!(1); 500_000]);
        assert_eq!(compiled.violations(&wide, 20)[0].keyword, "json");
    }

    #[test]
    fn of_a_large_payload_only_the_verdict_is_told() {
        let compiled = Compiled::compile(&json!({ "items": { "type": "string" } })).unwrap();
        let wide = Value::Array(vec![json!(1); 100_000]);
        let violations = compiled.violations(&wide, 20);
        assert_eq!((violations.len(), violations[0].keyword.as_str()), (1, "schema"));
        assert_eq!(compiled.violations(&json!([1, 2]), 20).len(), 2);
    }
}
