//! A message is read as it is, or refused.

use super::*;

fn rule(dedupe: Dedupe) -> QueueRule {
    QueueRule {
        source: "orders".parse().unwrap(),
        queue: "incoming".into(),
        payload_bytes_max: 100,
        format: Format::Message,
        dedupe,
    }
}

fn message(properties: BasicProperties, body: &'static [u8]) -> Message {
    Message {
        tag: 1,
        exchange: "shop".into(),
        routing_key: "order.paid".into(),
        redelivered: false,
        properties,
        body: Bytes::from_static(body),
        unreadable: None,
        put_off: 0,
        came_at: None,
    }
}

fn with_headers(values: Vec<(&str, AMQPValue)>) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in values {
        table.insert(name.into(), value);
    }
    BasicProperties::default().with_headers(table)
}

#[test]
fn properties_become_attributes_headers_and_facts() {
    let mut death = FieldTable::default();
    death.insert("count".into(), AMQPValue::LongLongInt(3));
    death.insert("queue".into(), AMQPValue::LongString("work".into()));
    death.insert("reason".into(), AMQPValue::LongString("rejected".into()));
    let deaths = AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into());
    let properties = with_headers(vec![
        ("x-death", deaths),
        ("x-delivery-count", AMQPValue::LongLongInt(2)),
        ("traceparent", AMQPValue::LongString("00-1-2-01".into())),
    ])
    .with_content_type("application/json".into())
    .with_message_id("m-7".into())
    .with_type("order.paid".into())
    .with_timestamp(1_700_000_000)
    .with_priority(5);
    let mut message = message(properties, b"{}");
    message.redelivered = true;
    let delivery = read(&rule(Dedupe::MessageId), &message).unwrap();
    assert_eq!((delivery.method.as_str(), &*delivery.target), ("DELIVER", "shop/order.paid"));
    assert_eq!(delivery.headers.first("content-type"), Some("application/json"));
    assert_eq!(delivery.headers.first("traceparent"), Some("00-1-2-01"));
    let attribute = |name| delivery.transport.attributes.first(name).unwrap_or_default();
    for (name, value) in [
        ("amqpqueue", "incoming"),
        ("amqpexchange", "shop"),
        ("amqproutingkey", "order.paid"),
        ("amqpredelivered", "true"),
        ("amqpdeliverycount", "2"),
        ("amqpdeathcount", "3"),
        ("amqpdeathqueue", "work"),
        ("amqpdeathreason", "rejected"),
        ("amqpmessageid", "m-7"),
        ("amqppriority", "5"),
        ("amqptimestamp", "1700000000"),
        ("amqptypes", "x-death=A x-delivery-count=l"),
    ] {
        assert_eq!(attribute(name), value, "{name}");
    }
    let transport = &delivery.transport;
    assert_eq!(transport.kind.as_deref(), Some("order.paid"));
    assert_eq!(transport.dedupe.as_deref(), Some("8:incoming m-7"));
    assert_eq!(transport.time, Some(Timestamp::from_unix_ms(1_700_000_000_000)));
}

#[test]
fn without_message_ids_and_where_nobody_asked_nothing_is_deduplicated() {
    let named = || BasicProperties::default().with_message_id("m".into());
    let key = |dedupe, properties| {
        read(&rule(dedupe), &message(properties, b"")).unwrap().transport.dedupe
    };
    assert_eq!(key(Dedupe::Off, named()), None);
    assert_eq!(key(Dedupe::MessageId, BasicProperties::default()), None);
    let empty = BasicProperties::default().with_message_id("".into());
    assert_eq!(key(Dedupe::MessageId, empty), None);
}

#[test]
fn a_name_with_spaces_makes_no_key_of_another_queue() {
    let key = |queue: &str, id: &str| {
        let rule = QueueRule { queue: queue.into(), ..rule(Dedupe::MessageId) };
        let properties = BasicProperties::default().with_message_id(id.into());
        read(&rule, &message(properties, b"")).unwrap().transport.dedupe.unwrap()
    };
    assert_ne!(key("a", "b c"), key("a b", "c"));
    assert_ne!(key("a", "2:a b c"), key("1:a 2:a", "b c"));
}

#[test]
fn what_is_over_a_bound_is_refused() {
    let code =
        |properties, body| read(&rule(Dedupe::Off), &message(properties, body)).unwrap_err().code();
    assert_eq!(code(BasicProperties::default(), &[0; 101]), "payload_too_large");
    let long = AMQPValue::LongString("x".repeat(HEADER_BYTES_MAX).into());
    assert_eq!(code(with_headers(vec![("n", long)]), b""), "headers_too_large");
    let names: Vec<String> = (0..=HEADERS_MAX).map(|at| at.to_string()).collect();
    let many = names.iter().map(|name| (name.as_str(), AMQPValue::Void)).collect();
    assert_eq!(code(with_headers(many), b""), "headers_too_large");
}

#[test]
fn what_the_guard_could_not_read_is_refused_as_what_it_was() {
    let code = |why| {
        let unreadable = Some(why);
        let message = Message { unreadable, ..message(BasicProperties::default(), b"") };
        read(&rule(Dedupe::Off), &message).unwrap_err().code()
    };
    assert_eq!(code(Unreadable::TooLarge), "payload_too_large");
    for why in [Unreadable::TooDeep, Unreadable::NotText, Unreadable::Broken] {
        assert_eq!(code(why), "request_malformed");
    }
}
