//! Texts within a JSON payload that is not verified yet. Read strictly: a document with doubled
//! keys has no texts, since a signature over one reading says nothing about the other.

use serde_json::Value;
use sluicegate_core::signature::SignatureFault;

use crate::json;
use crate::signature::candidates::malformed;

/// The payload.
pub(crate) fn object(body: &[u8]) -> Result<Value, SignatureFault> {
    match json::parse(body) {
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(malformed("the body that should hold it is no JSON object, or has a key twice")),
    }
}

/// A text that must be there and not be empty.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, SignatureFault> {
    match value.get(name).and_then(Value::as_str) {
        Some("") => Err(malformed("a field that it is made of is empty")),
        Some(text) => Ok(text),
        None => Err(SignatureFault::Missing { header: format!("(body) {name}") }),
    }
}
