//! What a message becomes, and what becomes of one that is refused.

use lapin::BasicProperties;
use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldArray};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::deadline::{wait_for, wait_within};
use sluicegate_tests::rabbitmq::RabbitMq;

use crate::setup::{
    LONG, OPEN, SIGNED, consuming, headers, number, signed, text, wait_until_standing,
};

#[test]
fn a_message_becomes_an_event_with_all_that_it_says_and_is_acknowledged() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let amqp = "queue: incoming, dedupe: message_id";
    let gateway = consuming(&broker.uri(), amqp, OPEN, "").start();
    let tags = FieldArray::from(vec![text("a"), AMQPValue::LongInt(1)]);
    let properties = headers(vec![
        ("X-Count", AMQPValue::LongInt(-3)),
        ("tags", AMQPValue::FieldArray(tags)),
        ("traceparent", text("00-1-2-01")),
    ])
    .with_content_type("application/json".into())
    .with_message_id("m-1".into())
    .with_type("order.paid".into())
    .with_correlation_id("c-1".into())
    .with_timestamp(1_700_000_000);
    let body = b"{ \"n\" : 10000000000000000000001 }";
    client.publish("", "incoming", body, properties.clone());
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.payload, body);
    for (name, value) in [
        ("type", "order.paid"),
        ("time", "2023-11-14T22:13:20Z"),
        ("datacontenttype", "application/json"),
        ("amqpqueue", "incoming"),
        ("amqproutingkey", "incoming"),
        ("amqpmessageid", "m-1"),
        ("amqpcorrelationid", "c-1"),
        ("amqptypes", "X-Count=I tags/1=I tags=A"),
    ] {
        assert_eq!(event.attribute(name), value, "{name}: {}", event.event);
    }
    // The same again, and another one: the repetition is taken, and is no event.
    client.publish("", "incoming", body, properties.clone());
    client.publish("", "incoming", b"{}", properties.with_message_id("m-2".into()));
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.attribute("amqpmessageid"), "m-2");
    wait_for("three acknowledgements", || (number(&gateway, "acked_total") > 2.5).then_some(()));
    wait_for("nothing to be owed", || (number(&gateway, "unsettled") < 0.5).then_some(()));
    assert!(gateway.stop().success());
    assert_eq!(client.depth("incoming"), 0, "what was acknowledged does not come again");
}

#[test]
fn a_forged_message_goes_to_the_brokers_dead_letter_exchange_and_a_signed_one_is_taken() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("dead", ExchangeKind::Fanout);
    client.queue("refused");
    client.bind("refused", "dead", "");
    let amqp = "queue: incoming, declare: { dead_letter_exchange: dead, \
                bindings: [ { exchange: shop, declare: topic, key: \"order.#\" } ] }";
    let gateway = consuming(&broker.uri(), amqp, SIGNED, "").start();
    wait_until_standing(&gateway, "consuming");
    client.publish("shop", "order.new", b"forged", signed("msg_1", b"other"));
    client.publish("shop", "order.new", b"true", signed("msg_2", b"true"));
    client.publish("shop", "order.new", b"unsigned", BasicProperties::default());
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.payload, b"true");
    assert_eq!(event.attribute("amqpexchange"), "shop");
    let refused = [client.wait_for("refused"), client.wait_for("refused")];
    assert_eq!(refused.map(|one| one.body), [b"forged".to_vec(), b"unsigned".to_vec()]);
    wait_for("both to be counted", || (number(&gateway, "rejected_total") > 1.5).then_some(()));
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_refused_message_is_published_with_its_reason_where_the_operator_wants_it() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let amqp = "queue: incoming, on_reject: { exchange: refusals, routing_key: bad }";
    let gateway = consuming(&broker.uri(), amqp, SIGNED, "").start();
    wait_until_standing(&gateway, "consuming");
    let copies = AMQPValue::FieldArray(FieldArray::from(vec![text("elsewhere")]));
    let mut properties = headers(vec![("x-n", AMQPValue::LongInt(7)), ("CC", copies)]);
    properties = properties.with_message_id("m-1".into()).with_expiration("100000".into());
    client.publish("", "incoming", b"forged", properties);
    // Nobody is bound there yet, not even the exchange is: it waits, unacknowledged.
    gateway.wait_for_log("refused message waits");
    assert!(number(&gateway, "unsettled") > 0.5);
    assert!(number(&gateway, "on_reject_waiting") > 0.5);
    assert!(number(&gateway, "on_reject_failed_total") > 0.5);
    assert!(gateway.admin_get("/readyz").text().contains("amqp_on_reject_down"));
    // The others do not wait for it.
    client.publish("", "incoming", b"true", signed("m-2", b"true"));
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, b"true");
    client.exchange("refusals", ExchangeKind::Direct);
    client.queue("refused");
    client.bind("refused", "refusals", "bad");
    let refused = client.wait_for("refused");
    assert_eq!(refused.body, b"forged");
    assert_eq!(refused.header("x-sluicegate-code"), "signature_refused");
    assert!(refused.header("x-sluicegate-reason").contains("webhook"), "{refused:?}");
    assert_eq!(refused.header("x-sluicegate-queue"), "incoming");
    assert_eq!(refused.value("x-n"), Some(&AMQPValue::LongInt(7)));
    assert_eq!(refused.value("CC"), None);
    assert_eq!(refused.properties.message_id(), &Some("m-1".into()));
    wait_within(LONG, "the acknowledgements", || {
        (number(&gateway, "acked_total") > 1.5).then_some(())
    });
    assert!(number(&gateway, "on_reject_waiting") < 0.5);
    assert!(!gateway.admin_get("/readyz").text().contains("amqp_on_reject_down"));
    assert_eq!(gateway.stop().code(), Some(0));
    assert_eq!(client.depth("incoming"), 0);
}
