//! A pattern outside the file: the `when` of a redrive or a replay, in the shape and language of a
//! route's.

use serde_json::Value;

use super::shape::When;
use crate::routes::{Pattern, PatternFault, Written};

/// Compiles the `when` of a redrive or a replay. Sources in it need not be configured any more.
///
/// # Errors
/// Every fault in it, each with its place below it.
pub fn pattern(when: &Value) -> Result<Pattern, Vec<PatternFault>> {
    let shape = |fault: serde_json::Error| {
        vec![PatternFault { pointer: String::new(), message: fault.to_string() }]
    };
    let when: When = serde_json::from_value(when.clone()).map_err(shape)?;
    Pattern::compile(&when.written())
}

impl When {
    /// The pattern as it is written.
    pub(super) fn written(&self) -> Written<'_> {
        Written {
            source: self.source.as_deref(),
            kind: self.kind.as_deref(),
            subject: self.subject.as_deref(),
            attributes: Some(&self.attributes),
            headers: Some(&self.headers),
            payload: self.payload.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_is_read_as_in_a_route_and_faults_are_named() {
        assert!(pattern(&json!({ "type": ["push"], "payload": { "a": [1] } })).is_ok());
        let unknown = pattern(&json!({ "kind": ["push"] })).unwrap_err();
        assert!(unknown[0].message.contains("kind"), "{unknown:?}");
        let bad = pattern(&json!({ "type": [{ "prefix": 1 }] })).unwrap_err();
        assert_eq!(bad[0].pointer, "/type");
    }
}
