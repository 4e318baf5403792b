//! CloudEvents: binary, structured and batch. An input is headers, a blank line and a body.

use bytes::Bytes;
use sluicegate_admission::{Admission, Format, Gate, Registry, Scheme};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Received;
use sluicegate_core::time::Timestamp;
use sluicegate_tests::fuzz::feed;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

fn admission() -> Admission {
    let gate = Gate {
        format: Format::CloudEvents,
        ..Gate::new("events".parse().unwrap(), Scheme::None, Vec::new())
    };
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A delivery, if the input has the form of one and its headers are such as a source hands on.
fn delivery(input: &[u8]) -> Option<Delivery> {
    let at = input.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&input[..at]).ok()?;
    let mut headers = Fields::with_capacity(8, head.len());
    for line in head.lines() {
        let (name, value) = line.split_once(": ")?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || value.chars().any(char::is_control) {
            return None;
        }
        headers.push(&name.to_ascii_lowercase(), value);
    }
    Some(Delivery {
        source: "events".parse().unwrap(),
        method: "POST".into(),
        target: "/events".into(),
        headers,
        body: Bytes::copy_from_slice(&input[at + 2..]),
        peer: None,
        transport: Transport::default(),
    })
}

#[track_caller]
fn feed_events(seeds: &[&str]) {
    let admission = admission();
    let decode = |input: &[u8]| {
        let Some(delivery) = delivery(input) else { return false };
        let arrival = Arrival { id: EventId::new(NOW, 7), at: NOW, steady: NOW };
        admission.verify_all(&Received::assertion(delivery, arrival), None).is_ok()
    };
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    for seed in &seeds {
        assert!(decode(seed), "what was written is read: {}", seed.escape_ascii());
    }
    let fed = feed(&seeds, |_, input| decode(input));
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}

#[test]
fn a_changed_binary_event_is_read_or_refused() {
    feed_events(&[
        "ce-specversion: 1.0\nce-id: a\nce-source: /s\nce-type: t\nce-time: 2026-11-22T10:00:00.5+01:00\n\
         ce-subject: Gr%C3%BC%C3%9Fe\nce-more: \"a \\\"b\\\"\"\ncontent-type: text/plain; a=b\n\nbody",
        "ce-specversion: 1.0\nce-id: %20\nce-source: urn:a:b\nce-type: t\nce-dataschema: https://a/b#c\n\n",
    ]);
}

#[test]
fn a_changed_structured_event_is_read_or_refused() {
    feed_events(&[
        "content-type: application/cloudevents+json\n\n{\"specversion\":\"1.0\",\"id\":\"1\",\
         \"source\":\"s\",\"type\":\"t\",\"time\":\"0001-01-01T00:00:00Z\",\"x\":-7,\"y\":true,\
         \"z\":null,\"data\":{\"a\":[1,\"\\u00ef\"]}}",
        "content-type: application/cloudevents+json; charset=utf-8\n\n{\"specversion\":\"1.0\",\
         \"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"datacontenttype\":\"image/png\",\
         \"data_base64\":\"AAH/\",\"data\":null}",
    ]);
}

#[test]
fn a_changed_batch_is_read_or_refused() {
    feed_events(&[
        "content-type: application/cloudevents-batch+json\n\n[{\"specversion\":\"1.0\",\"id\":\"1\",\
         \"source\":\"s\",\"type\":\"t\",\"data\":null},{\"specversion\":\"1.0\",\"id\":\"2\",\
         \"source\":\"s\",\"type\":\"t\",\"data\":\"text\",\"datacontenttype\":\"text/plain\"}]",
        "content-type: application/cloudevents-batch+json\n\n[]",
    ]);
}
