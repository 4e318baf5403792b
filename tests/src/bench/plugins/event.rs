//! The event that every call is about: 1 KB of JSON, 8 headers, 4 attributes.

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

/// Bytes of its payload.
pub(super) const PAYLOAD_BYTES: usize = 1024;

/// A dependabot alert of this severity, with this type.
pub(super) fn alert(kind: &str, severity: &str) -> Event {
    let mut headers = Fields::new();
    HEADERS.iter().for_each(|(name, value)| headers.push(name, value));
    let mut attributes = Fields::new();
    ATTRIBUTES.iter().for_each(|(name, value)| attributes.push(name, value));
    Event::new(Parts {
        id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 7),
        source: "github".parse().expect("it is a name"),
        kind: kind.into(),
        subject: None,
        time: None,
        received_at: Timestamp::from_unix_ms(1_700_000_000_000),
        content_type: "application/json".into(),
        attributes,
        headers,
        payload: Bytes::from(payload(severity)),
    })
}

/// What a guest that reads every byte of the event adds up.
pub(super) fn sum(event: &Event) -> u64 {
    let id = event.id.to_string();
    let fields = event.attributes.iter().chain(event.headers.iter());
    let single = [&id, event.source.as_str(), &event.kind, &event.content_type];
    let texts = fields.flat_map(|(name, value)| [name, value]).chain(single);
    let bytes = texts.flat_map(str::bytes).chain(event.payload.iter().copied());
    bytes.map(u64::from).sum()
}

/// The members of GitHub's own alerts, some of them, with the severity in the middle; the
/// description is as long as is left.
fn payload(severity: &str) -> String {
    let around = |description: &str| {
        let end = format!(r#""{description}","severity":"{severity}","#);
        [BEFORE, &end, AFTER].concat()
    };
    let rest = PAYLOAD_BYTES.saturating_sub(around("").len());
    around(&DESCRIPTION.chars().cycle().take(rest).collect::<String>())
}

const BEFORE: &str = concat!(
    r#"{"action":"created","alert":{"number":7,"state":"open","dependency":{"package":{"#,
    r#""ecosystem":"npm","name":"minimist"},"manifest_path":"web/package-lock.json","#,
    r#""scope":"runtime"},"security_advisory":{"ghsa_id":"GHSA-xvch-5gv4-984h","#,
    r#""cve_id":"CVE-2021-44906","summary":"Prototype pollution in minimist","description":"#,
);

const AFTER: &str = concat!(
    r#""identifiers":[{"value":"GHSA-xvch-5gv4-984h","type":"GHSA"},"#,
    r#"{"value":"CVE-2021-44906","type":"CVE"}]},"#,
    r#""url":"https://api.example.org/repos/octo/hello/dependabot/alerts/7","#,
    r#""created_at":"2022-06-15T07:43:03Z","dismissed_at":null,"fixed_at":null},"#,
    r#""repository":{"id":186853002,"full_name":"octo/hello","private":false},"#,
    r#""sender":{"login":"octo","id":21031067,"type":"User"}}"#,
);

const DESCRIPTION: &str = "Affected versions let an argument set a property of every object. ";

const HEADERS: [(&str, &str); 8] = [
    ("accept", "*/*"),
    ("content-type", "application/json"),
    ("user-agent", "GitHub-Hookshot/044aadd"),
    ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ("x-github-event", "dependabot_alert"),
    ("x-github-hook-id", "292430182"),
    ("x-github-hook-installation-target-id", "79929171"),
    ("x-github-hook-installation-target-type", "repository"),
];

const ATTRIBUTES: [(&str, &str); 4] = [
    ("repository", "octo/hello"),
    ("installation", "79929171"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("partitionkey", "octo"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_as_large_as_is_said() {
        for severity in ["low", "critical"] {
            let event = alert("dependabot_alert", severity);
            assert_eq!(event.payload.len(), PAYLOAD_BYTES);
            let value: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
            assert_eq!(value["alert"]["security_advisory"]["severity"], severity);
            assert_eq!((event.headers.len(), event.attributes.len()), (8, 4));
        }
    }

    #[test]
    fn the_sum_is_of_every_field() {
        let event = alert("push", "low");
        let mut other = event.clone();
        other.parts_mut().headers.push("a", "\u{1}");
        assert_eq!(sum(&other), sum(&event) + u64::from(b'a') + 1);
        let mut other = event.clone();
        other.parts_mut().kind.push('b');
        assert_eq!(sum(&other), sum(&event) + u64::from(b'b'));
    }
}
