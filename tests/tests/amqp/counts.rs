//! What a broker counts and says of a message, how queues are made, and how few words an
//! acknowledgement takes.

use lapin::{BasicProperties, ExchangeKind};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::rabbitmq::RabbitMq;
use sluicegate_tests::tcp_proxy::TcpProxy;

use crate::setup::{LONG, OPEN, consuming, number, wait_until_standing};

const QUORUM: &str = "queue: incoming, declare: { type: quorum, dead_letter_exchange: dead, \
                      bindings: [ { exchange: shop, declare: topic, key: \"order.#\" } ] }";

#[test]
fn a_message_says_how_often_it_was_handed_out_and_where_it_has_died() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("dead", ExchangeKind::Fanout);
    let world = consuming(&broker.uri(), QUORUM, OPEN, "");
    let gateway = world.start();
    wait_until_standing(&gateway, "consuming");
    let queues = broker.control(&["list_queues", "name", "type", "durable", "arguments"]);
    for part in ["quorum", "true", "x-dead-letter-exchange"] {
        assert!(queues.contains(part), "{part} is not in {queues}");
    }
    assert!(gateway.stop().success());
    // Somebody else took it twice, and gave it back.
    client.publish("shop", "order.new", b"counted", BasicProperties::default());
    client.give_back("incoming");
    client.give_back("incoming");
    let gateway = world.start();
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.attribute("amqpredelivered"), "true", "{}", event.event);
    assert_eq!(event.attribute("amqpdeliverycount"), "2", "{}", event.event);
    wait_within(LONG, "it to be counted", || {
        (number(&gateway, "redelivered_total") > 0.5).then_some(())
    });
    // Another one has waited too long elsewhere.
    let arguments =
        [("x-dead-letter-exchange", "shop"), ("x-dead-letter-routing-key", "order.late")];
    client.queue_with("waiting", &arguments);
    let short = BasicProperties::default().with_expiration("1".into());
    client.publish("", "waiting", b"expired", short);
    let event = gateway.consumer().take("inbox", 1).remove(0);
    for (name, value) in [
        ("amqpdeathcount", "1"),
        ("amqpdeathqueue", "waiting"),
        ("amqpdeathreason", "expired"),
        ("amqproutingkey", "order.late"),
        ("amqpredelivered", ""),
    ] {
        assert_eq!(event.attribute(name), value, "{name}: {}", event.event);
    }
}

#[test]
fn a_queue_that_is_other_than_declared_is_told_and_left_as_it_is() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let gateway = consuming(&broker.uri(), QUORUM, OPEN, "").start();
    wait_until_standing(&gateway, "no_queue");
    gateway.wait_for_log("PRECONDITION_FAILED");
    assert!(gateway.admin_get("/readyz").text().contains("amqp_source_down"));
    client.delete("incoming");
    wait_until_standing(&gateway, "consuming");
}

#[test]
fn one_acknowledgement_answers_for_many_messages() {
    let broker = RabbitMq::start();
    let proxy = TcpProxy::to(broker.port());
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let message = |n: usize| (n.to_string().into_bytes(), BasicProperties::default());
    client.publish_all("incoming", (0..5_000).map(message).collect());
    let amqp = "queue: incoming, prefetch: 500";
    let gateway = consuming(&broker.uri_at(proxy.port()), amqp, OPEN, "").start();
    wait_within(LONG, "every acknowledgement", || {
        (number(&gateway, "acked_total") > 4_999.5).then_some(())
    });
    // `basic.ack` is a frame of 21 bytes.
    let said = proxy.bytes_to_target();
    assert!(said < 5_000 * 21 / 2, "{said} bytes were said to the broker for 5000 messages");
    assert_eq!(gateway.consumer().depth("inbox"), 5_000);
}
