//! A source that proves nothing, and what a protocol says of a message.

use bytes::Bytes;
use sluicegate_admission::{Admission, Gate, Registry, Scheme};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// What comes of a message to this source; the only one that there is proves nothing.
fn verify(source: &str, transport: Transport) -> Result<Verified, Refusal> {
    let open = Gate::new("in".parse().unwrap(), Scheme::None, vec![]);
    let open = Admission::build(vec![open], Registry::empty()).unwrap_or_else(|_| panic!());
    let delivery = Delivery {
        source: source.parse().unwrap(),
        method: "POST".into(),
        target: "/".into(),
        headers: Fields::new(),
        body: Bytes::from_static(b"\x01"),
        peer: None,
        transport,
    };
    let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
    open.verify(&Received::assertion(delivery, arrival), None)
}

#[test]
fn an_open_source_says_so_and_an_unknown_one_is_no_source() {
    let verified = verify("in", Transport::default()).unwrap();
    assert_eq!((verified.verdict().scheme.as_str(), &verified.verdict().key), ("none", &None));
    assert_eq!(verified.event().kind, "webhook");
    assert_eq!(verify("other", Transport::default()).unwrap_err(), Refusal::NoSource);
}

#[test]
fn what_the_protocol_says_becomes_attributes_and_counts_where_the_sender_says_nothing() {
    let transport = Transport {
        attributes: [("mqtttopic", "meters/7")].into_iter().collect(),
        kind: Some("reading".into()),
        time: Some(NOW),
        dedupe: Some("client 7".into()),
        ..Transport::default()
    };
    let verified = verify("in", transport).unwrap();
    assert_eq!(verified.event().kind, "reading");
    assert_eq!(verified.event().time, Some(NOW));
    assert_eq!(verified.event().attributes.first("mqtttopic"), Some("meters/7"));
    let (_, _, dedupe) = verified.into_parts();
    assert_eq!(dedupe.unwrap().as_str(), "client 7");
}
