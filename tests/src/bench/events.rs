//! The events of the bench: code-scanning alerts of 1 KB, each with its number and a digest.
//!
//! All requests are made and signed before the clock starts, in one buffer: the load generator
//! shares the machine with the server, and must spend nothing on making them.

use std::ops::Range;

use crate::fixtures::GITHUB_SECRET;
use crate::signing;

/// Bytes of a payload.
pub const PAYLOAD_BYTES: usize = 1024;

/// Requests that are ready to send, in the order of their events' numbers.
pub struct Requests {
    bytes: Vec<u8>,
    requests: Vec<Range<usize>>,
}

impl Requests {
    /// Makes `count` requests for this path.
    #[must_use]
    pub fn make(count: usize, path: &str) -> Self {
        let mut bytes = Vec::with_capacity(count * (PAYLOAD_BYTES + 700));
        let mut requests = Vec::with_capacity(count);
        for number in 0..count {
            let payload = payload(number);
            let start = bytes.len();
            bytes.extend_from_slice(head(path, number, &payload).as_bytes());
            bytes.extend_from_slice(&payload);
            requests.push(start..bytes.len());
        }
        Self { bytes, requests }
    }

    /// The request of this event.
    #[must_use]
    pub fn request(&self, number: usize) -> &[u8] {
        &self.bytes[self.requests[number].clone()]
    }

    /// The payload of this event.
    #[must_use]
    pub fn payload(&self, number: usize) -> &[u8] {
        let request = self.request(number);
        &request[request.len() - PAYLOAD_BYTES..]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// The head of a delivery as GitHub writes it.
fn head(path: &str, number: usize, payload: &[u8]) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n\
         Host: hooks.example.com\r\n\
         Accept: */*\r\n\
         User-Agent: GitHub-Hookshot/044aadd\r\n\
         X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-{number:012x}\r\n\
         X-GitHub-Event: code_scanning_alert\r\n\
         X-GitHub-Hook-ID: 292430182\r\n\
         X-GitHub-Hook-Installation-Target-ID: 79929171\r\n\
         X-GitHub-Hook-Installation-Target-Type: repository\r\n\
         X-Hub-Signature: {}\r\n\
         X-Hub-Signature-256: {}\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        signing::github_sha1(GITHUB_SECRET, payload),
        signing::github(GITHUB_SECRET, payload),
        payload.len(),
    )
}

/// An alert in the shape of GitHub's, cut to [`PAYLOAD_BYTES`]. The digest is that of the payload
/// with zeros in its place.
fn payload(number: usize) -> Vec<u8> {
    let blank = "0".repeat(64);
    let mut text = BEFORE_NUMBER.to_owned();
    text.push_str(&format!("{number:09}{BEFORE_DIGEST}"));
    let digest_at = text.len();
    text.push_str(&blank);
    text.push_str(AFTER_DIGEST);
    let fill = PAYLOAD_BYTES - text.len() - AFTER_FILL.len();
    text.push_str(&"untrusted input reaches a query; ".repeat(fill / 33 + 1)[..fill]);
    text.push_str(AFTER_FILL);
    let digest = signing::hex(&signing::sha256(text.as_bytes()));
    text.replace_range(digest_at..digest_at + blank.len(), &digest);
    text.into_bytes()
}

/// The number of the event that a payload is of, if it is one of ours and its digest is right.
#[must_use]
pub fn number_of(payload: &[u8]) -> Option<usize> {
    let number_at = BEFORE_NUMBER.len();
    let digits = payload.get(number_at..number_at + 9)?;
    let digest_at = number_at + 9 + BEFORE_DIGEST.len();
    let mut blanked = payload.to_vec();
    blanked.get_mut(digest_at..digest_at + 64)?.fill(b'0');
    let digest = signing::hex(&signing::sha256(&blanked));
    (payload.get(digest_at..digest_at + 64)? == digest.as_bytes()).then_some(())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The number is the end of the commit's id: 40 hexadecimal digits, as GitHub's are.
const BEFORE_NUMBER: &str = "{\"action\":\"created\",\"ref\":\"refs/heads/main\",\
    \"commit_oid\":\"1111111111111111111111111111111";
const BEFORE_DIGEST: &str = "\",\"digest\":\"";
const AFTER_DIGEST: &str = "\",\"alert\":{\"number\":10,\"created_at\":\"2021-02-11T03:10:43Z\",\
    \"url\":\"https://api.github.com/repos/Codertocat/Hello-World/code-scanning/alerts/10\",\
    \"html_url\":\"https://github.com/Codertocat/Hello-World/security/code-scanning/10\",\
    \"state\":\"open\",\"dismissed_by\":null,\"dismissed_at\":null,\"dismissed_reason\":null,\
    \"rule\":{\"id\":\"java/sql-injection\",\"severity\":\"error\",\
    \"security_severity_level\":\"high\",\"description\":\"";
const AFTER_FILL: &str = "\"},\"tool\":{\"name\":\"CodeQL\",\"guid\":null,\"version\":null}},\
    \"repository\":{\"id\":186853002,\"name\":\"Hello-World\",\
    \"full_name\":\"Codertocat/Hello-World\",\"private\":false,\
    \"owner\":{\"login\":\"Codertocat\",\"id\":21031067}},\
    \"sender\":{\"login\":\"github\",\"id\":9919,\"type\":\"Organization\"}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_1_kib_of_json_and_knows_its_number() {
        let requests = Requests::make(12, "/hooks/github");
        for number in 0..requests.len() {
            let payload = requests.payload(number);
            let value: serde_json::Value = serde_json::from_slice(payload).unwrap();
            assert_eq!(value["alert"]["rule"]["severity"], "error");
            assert_eq!(payload.len(), PAYLOAD_BYTES);
            assert_eq!(number_of(payload), Some(number));
        }
    }

    #[test]
    fn a_changed_payload_is_nobodys() {
        let mut payload = payload(7);
        *payload.last_mut().unwrap() = b' ';
        assert_eq!(number_of(&payload), None);
        assert_eq!(number_of(b"{}"), None);
    }
}
