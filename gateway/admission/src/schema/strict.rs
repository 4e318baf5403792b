//! The parser of the line, for tools that judge payloads beside it.

use serde_json::Value;

use crate::json;

/// The value of a document, as a schema is asked about it.
///
/// # Errors
/// When it is not JSON, nested too deep, or has a key twice: in words, without any of it.
pub fn parse(document: &[u8]) -> Result<Value, String> {
    json::parse(document).map_err(|fault| fault.0)
}
