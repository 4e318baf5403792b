//! An event for the tests of sinks.

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

/// An event that says something in every place.
pub(crate) fn event() -> Event {
    Event::new(Parts {
        id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 1),
        source: "github".parse().unwrap(),
        kind: "push".into(),
        subject: Some("main".into()),
        time: Some(Timestamp::from_unix_ms(1_700_000_000_123)),
        received_at: Timestamp::from_unix_ms(1_700_000_009_000),
        content_type: "application/json".into(),
        attributes: [
            ("region", "eu"),
            ("amqpcorrelationid", "c-1"),
            ("amqppriority", "5"),
            ("amqptypes", "X-Count=I BCC=S"),
        ]
        .into_iter()
        .collect(),
        headers: [
            ("x-team", "blue"),
            ("x-count", "7"),
            ("bcc", "secret"),
            ("traceparent", "00-a-b-01"),
            ("content-type", "application/json"),
        ]
        .into_iter()
        .collect(),
        payload: Bytes::from_static(b"{}"),
    })
}
