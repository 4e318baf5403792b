//! Schemas and findings as JSON.

use serde_json::{Map, Value, json};
use sluicegate_admission::schema::compat::Incompatible;
use sluicegate_admission::schema::{Entry, Formats, Origin, Source};

/// What a version is called in both registries: its subject, number and id.
pub(super) fn named(source: &Source) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("subject".into(), source.version.subject.as_str().into());
    shown.insert("version".into(), source.version.version.into());
    shown.insert("id".into(), source.id.into());
    shown
}

/// What names in a schema mean.
pub(super) fn references(source: &Source) -> Value {
    let one = |one: &sluicegate_admission::schema::Reference| -> Value {
        json!({ "name": one.name, "subject": one.subject.as_str(), "version": one.version })
    };
    source.references.iter().map(one).collect()
}

/// A version as this API shows it, with its schema as JSON and as the text that it was.
pub(super) fn native(entry: &Entry) -> Value {
    let source = &entry.source;
    let mut shown = named(source);
    shown.extend(listed(entry));
    shown.insert("references".into(), references(source));
    shown.insert("schema".into(), source.value().clone());
    shown.insert("text".into(), (*source.text).into());
    Value::Object(shown)
}

/// A version in a list.
pub(super) fn listed(entry: &Entry) -> Map<String, Value> {
    let source = &entry.source;
    let mut shown = named(source);
    let origin = match source.origin {
        Origin::File => "file",
        Origin::Registered => "registered",
    };
    let formats = match source.formats {
        Formats::Draft => "draft",
        Formats::Assert => "assert",
        Formats::Annotate => "annotate",
    };
    shown.insert("origin".into(), origin.into());
    shown.insert("formats".into(), formats.into());
    shown.insert("deleted".into(), (!entry.is_live()).into());
    shown
}

/// A version as Confluent's registry shows it.
pub(super) fn confluent(source: &Source) -> Map<String, Value> {
    let mut shown = named(source);
    shown.extend(by_id(source));
    shown
}

/// A schema as Confluent's registry shows it without its name.
pub(super) fn by_id(source: &Source) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("schemaType".into(), "JSON".into());
    shown.insert("schema".into(), (*source.text).into());
    if !source.references.is_empty() {
        shown.insert("references".into(), references(source));
    }
    shown
}

/// What speaks against a schema.
pub(super) fn findings(found: &[Incompatible]) -> Value {
    let one = |one: &Incompatible| -> Value {
        json!({
            "version": one.version,
            "direction": one.direction.word(),
            "at": one.finding.at,
            "verdict": one.finding.verdict.word(),
            "why": one.finding.why,
            "message": one.to_string(),
        })
    };
    found.iter().map(one).collect()
}
