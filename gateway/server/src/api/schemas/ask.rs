//! What callers of the registry give: a schema, as a text or as JSON, and what names in it mean.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sluicegate_admission::schema::Reference;
use sluicegate_core::ids::SchemaSubject;

use crate::schemas::Given;

/// The body of a registration, in both registries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Name>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
    subject: String,
    version: u32,
}

/// Why a body is none.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is of another form.
    Shape(String),
    /// It is a schema of another language.
    Type(String),
}

/// Reads a registration. A schema that stands in the body as JSON, and not as a text, is kept byte
/// for byte.
pub(super) fn given(subject: SchemaSubject, body: &[u8]) -> Result<Given, Unread> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|fault| Unread::Shape(fault.to_string()))?;
    if let Some(other) = body.schema_type.filter(|name| name != "JSON") {
        return Err(Unread::Type(other));
    }
    let text = match serde_json::from_str::<String>(body.schema.get()) {
        Ok(text) => text,
        Err(_) => body.schema.get().to_owned(),
    };
    let reference = |one: Name| {
        let subject = one.subject.parse().map_err(|fault| {
            Unread::Shape(format!("references: subject {:?}: {fault}", one.subject))
        })?;
        Ok(Reference { name: one.name, subject, version: one.version })
    };
    let references: Result<Vec<_>, Unread> = body.references.into_iter().map(reference).collect();
    Ok(Given { subject, text, references: references? })
}

/// A word of a body: `{"compatibility": "FULL"}`.
pub(super) fn word(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get(name)?.as_str().map(str::to_owned)
}

/// Whether a query says `name=true`.
pub(super) fn says(query: &str, name: &str) -> bool {
    crate::api::query::pairs(query).any(|pair| pair == (name, "true"))
}
