//! Signatures, tokens and handshakes of every scheme. The seeds are the known answers: one part of a
//! delivery is changed, and the engine judges the whole.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use sluicegate_admission::vectors;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::fuzz::{Fed, feed};

/// A part of a known answer that a stranger writes.
struct Part {
    line: Value,
    pointer: String,
}

/// The parts of every known answer that is valid and that `wanted` asks for.
fn parts(wanted: impl Fn(&Value) -> bool) -> Vec<Part> {
    let text = fs::read_to_string(root().join("gateway/admission/tests/vectors.json")).unwrap();
    let lines: Vec<Value> = serde_json::from_str(&text).unwrap();
    let valid = |line: &Value| line["expected"] == "valid" && wanted(line);
    let mut all = Vec::new();
    for line in lines.into_iter().filter(valid) {
        let mut pointers =
            vec!["/body".to_owned(), "/url".to_owned(), "/certificate_pem".to_owned()];
        let headers = line["headers"].as_object();
        let names = headers.into_iter().flat_map(|headers| headers.keys());
        pointers.extend(names.map(|name| format!("/headers/{}", name.replace('/', "~1"))));
        for pointer in pointers {
            if line.pointer(&pointer).is_some_and(Value::is_string) {
                all.push(Part { line: line.clone(), pointer });
            }
        }
    }
    all
}

/// Changes a part, and says whether the delivery is still taken.
fn judge(part: &Part, bytes: &[u8]) -> bool {
    let mut line = part.line.clone();
    *line.pointer_mut(&part.pointer).unwrap() = String::from_utf8_lossy(bytes).into();
    let report = vectors::run(&Value::Array(vec![line]).to_string()).unwrap();
    report.passed() == 1
}

fn feed_parts(parts: &[Part], mut check: impl FnMut(&Part, &[u8], bool)) -> Fed {
    let text = |part: &Part| part.line.pointer(&part.pointer).unwrap().as_str().unwrap().into();
    let seeds: Vec<Vec<u8>> = parts.iter().map(text).collect();
    feed(&seeds, |number, bytes| {
        let taken = judge(&parts[number], bytes);
        check(&parts[number], bytes, taken);
        taken
    })
}

/// Schemes that prove the sender, and not the body; or that read a body before they prove it, so
/// that some other bodies say the same.
const OTHER_BODIES: [&str; 9] = [
    "static-token",
    "jwt-hs",
    "adyen-item",
    "twilio",
    "mandrill",
    "mailgun",
    "paddle-classic",
    "sns",
    "sendgrid-inbound",
];

#[test]
fn a_changed_delivery_is_judged_and_a_changed_body_is_refused() {
    let parts = parts(|line| line["kind"].is_null());
    let schemes: BTreeSet<_> =
        parts.iter().map(|part| part.line["scheme"].as_str().unwrap()).collect();
    assert!(schemes.len() >= 20, "{schemes:?}");
    let fed = feed_parts(&parts, |part, bytes, taken| {
        let scheme = part.line["scheme"].as_str().unwrap();
        let same = part.line["body"].as_str().map(str::as_bytes) == Some(bytes);
        if part.pointer == "/body" && !same && !OTHER_BODIES.contains(&scheme) {
            assert!(!taken, "{} takes another body", part.line["id"]);
        }
    });
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}

#[test]
fn a_changed_handshake_is_answered_or_refused() {
    let fed = feed_parts(&parts(|line| line["kind"] == "challenge"), |_, _, _| {});
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}
