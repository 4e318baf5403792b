//! A schema, checked and compiled once.

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;
use sluicegate_core::refusal::Violation;

use crate::schema::bounds;
use crate::schema::document::Document;
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::schema::stack;
use crate::schema::unfold::{Unfolded, is_deeper};
use crate::schema::violations;
use crate::schema::weigh::{PRICE_MAX, Weight};

/// A compiled schema. Cheap to judge by, safe to share.
#[derive(Debug)]
pub struct Compiled {
    validator: Validator,
    /// What payloads make of it.
    unfolded: Unfolded,
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
        let compile = || {
            let unfolded = bounds::check(root, others)?;
            Ok(Self { validator: build(root, others, formats)?, unfolded })
        };
        stack::with_room(compile).map_err(SchemaFault::new)
    }

    /// Whether the value keeps to the schema.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.out_of_bounds(value, self.weigh(value)).is_none() && self.validator.is_valid(value)
    }

    /// In which ways the value breaks the schema, at most `max`; none if it keeps to it.
    #[must_use]
    pub fn violations(&self, value: &Value, max: usize) -> Vec<Violation> {
        self.violations_of(value, self.weigh(value), max)
    }

    /// How much work it is to judge this value.
    pub(crate) fn weigh(&self, value: &Value) -> Weight {
        self.unfolded.loads.weigh(value)
    }

    /// The same for a value that was weighed.
    pub(crate) fn violations_of(
        &self,
        value: &Value,
        weight: Weight,
        max: usize,
    ) -> Vec<Violation> {
        if let Some(violation) = self.out_of_bounds(value, weight) {
            return vec![violation];
        }
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        // The library gathers every violation, with copies of what broke it, before the first is
        // seen: where they may be many or large only the verdict is told.
        if weight.price > LISTED_PRICE_MAX || weight.copied_bytes > LISTED_BYTES_MAX {
            return vec![as_a_whole(
                "schema",
                "payload breaks its schema; it is too large for this schema to say where",
            )];
        }
        violations::collect(value, self.validator.iter_errors(value), max)
    }

    /// What judging must not be begun on.
    fn out_of_bounds(&self, value: &Value, weight: Weight) -> Option<Violation> {
        let levels = self.unfolded.levels_max.filter(|levels| is_deeper(value, *levels));
        if let Some(levels) = levels {
            let message =
                format!("payload is nested deeper than the {levels} levels of its schema");
            return Some(as_a_whole("json", message));
        }
        if weight.price > PRICE_MAX {
            let message = "payload is more work for its schema than one payload may be: it has too \
                           many values or too long texts";
            return Some(as_a_whole("json", message));
        }
        None
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

/// Steps up to which violations are listed: each may be one, and a violation is some hundred bytes.
const LISTED_PRICE_MAX: u64 = 200_000;

/// Bytes that a list of violations may copy from the payload.
const LISTED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Of `"00000":{"$ref":"#/$defs/00000"},`.
    const BYTES_OF_A_STEP: usize = 33;

    #[test]
    fn the_longest_way_that_the_bytes_of_a_schema_allow_fits_on_the_stack_of_the_compiler() {
        let mut defs = serde_json::Map::new();
        let steps = bounds::SCHEMA_BYTES_MAX / BYTES_OF_A_STEP;
        for step in 0..steps {
            let next = json!({ "$ref": format!("#/$defs/{:05}", step + 1) });
            defs.insert(format!("{step:05}"), next);
        }
        defs.insert(format!("{steps:05}"), json!({ "minimum": 1 }));
        let schema = json!({ "$ref": "#/$defs/00000", "$defs": defs });
        // The bound on nesting is left out: loops can hide a long way from it.
        let root = Document { uri: "", schema: &schema };
        let built = stack::with_room(|| build(root, &[], Formats::Draft).map(drop));
        assert_eq!(built, Ok(()));
    }
}
