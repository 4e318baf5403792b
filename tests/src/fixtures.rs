//! Real GitHub deliveries: the payloads of `tests/fixtures/github`, signed and in their headers.

use std::path::{Path, PathBuf};

use crate::http;
use crate::signing;

/// The secret that the tests share with "GitHub".
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";

/// The events of which there is a fixture.
pub const GITHUB_EVENTS: [&str; 6] =
    ["push", "pull_request", "issues", "code_scanning_alert", "dependabot_alert", "ping"];

/// How GitHub writes the payload into the body: the hook's content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`: one field `payload`.
    Form,
}

/// A delivery as GitHub makes it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Vec<u8>,
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// The committed component of a plugin in Rust.
#[must_use]
pub fn plugin(name: &str) -> PathBuf {
    root().join(format!("plugins/{name}/rust/{name}.wasm"))
}

/// The payload of a GitHub event, byte for byte.
///
/// # Panics
/// When there is no such fixture.
#[must_use]
pub fn github_payload(event: &str) -> Vec<u8> {
    let path = root().join(format!("tests/fixtures/github/{event}.json"));
    std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// A signed delivery of this event's fixture, with this delivery id.
#[must_use]
pub fn github(event: &str, encoding: Encoding, id: &str) -> Delivery {
    let payload = github_payload(event);
    match encoding {
        Encoding::Json => github_signed(event, "application/json", id, payload),
        Encoding::Form => {
            let body = format!("payload={}", percent_encoded(&payload)).into_bytes();
            github_signed(event, "application/x-www-form-urlencoded", id, body)
        }
    }
}

/// A delivery of any body, signed as GitHub signs and in GitHub's headers.
///
/// # Panics
/// When the fixture of headers is broken.
#[must_use]
pub fn github_signed(event: &str, content_type: &str, id: &str, body: Vec<u8>) -> Delivery {
    let text = std::fs::read(root().join("tests/fixtures/github/headers.json"));
    let fixture: serde_json::Value =
        serde_json::from_slice(&text.expect("headers.json is there")).expect("it is JSON");
    let common: Vec<(String, String)> =
        serde_json::from_value(fixture["common"].clone()).expect("pairs of texts");
    let mut headers = common;
    headers.extend(http::headers(&[
        ("Content-Type", content_type),
        ("X-GitHub-Delivery", id),
        ("X-GitHub-Event", event),
        ("X-Hub-Signature", &signing::github_sha1(GITHUB_SECRET, &body)),
        ("X-Hub-Signature-256", &signing::github(GITHUB_SECRET, &body)),
    ]));
    Delivery { headers, body }
}

impl Delivery {
    /// The same delivery with another value of one header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same delivery without one header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The value of a header.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        &found.unwrap_or_else(|| panic!("no header {name}")).1
    }

    /// The request that brings it to this path.
    #[must_use]
    pub fn request(&self, path: &str) -> Vec<u8> {
        http::request("POST", path, &self.headers, &self.body)
    }
}

/// Bytes as a form field's value (WHATWG URL, `application/x-www-form-urlencoded` serialising).
#[must_use]
pub fn percent_encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixture_is_compact_json_of_its_event() {
        for event in GITHUB_EVENTS {
            let payload = github_payload(event);
            let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            assert!(value["sender"]["login"].is_string(), "{event}");
            assert!(!payload.contains(&b'\n'), "{event}");
        }
    }

    #[test]
    fn form_values_are_encoded_as_browsers_do() {
        assert_eq!(percent_encoded("a b&é*".as_bytes()), "a+b%26%C3%A9*");
    }
}
