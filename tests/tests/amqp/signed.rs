//! Signed messages: in an envelope, a second time, and refused but kept.

use std::time::{Duration, Instant};

use lapin::BasicProperties;
use serde_json::{Value, json};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::config;
use sluicegate_tests::deadline::{wait_for, wait_within};
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::rabbitmq::RabbitMq;

use crate::setup::{
    LONG, SIGNED, consuming, number, on_disk, signature, signed, wait_until_full,
    wait_until_standing,
};

#[test]
fn a_signature_inside_an_envelope_is_verified_and_a_replayed_message_is_no_second_event() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let verify = SIGNED.replace("{ scheme", "{ envelope: true, scheme");
    let gateway = consuming(&broker.uri(), "queue: incoming", &verify, "").start();
    wait_until_standing(&gateway, "consuming");
    let envelope = |id: &str, said: &str, body: &str| {
        let signed = signature(id, said.as_bytes());
        let headers: Value = signed
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        json!({ "headers": headers, "body": body }).to_string().into_bytes()
    };
    let none = BasicProperties::default;
    let reading = envelope("m-1", "{\"t\": 21.50}", "{\"t\": 21.50}");
    client.publish("", "incoming", &reading, none());
    client.publish("", "incoming", &reading, none());
    client.publish("", "incoming", &envelope("m-2", "{}", "{\"forged\":1}"), none());
    client.publish("", "incoming", b"{}", signed("m-3", b"{}"));
    client.publish("", "incoming", &envelope("m-4", "true", "true"), none());
    let events = gateway.consumer().take("inbox", 2);
    assert_eq!(events[0].payload, b"{\"t\": 21.50}");
    assert_eq!(events[1].payload, b"true");
    wait_within(LONG, "all to be answered", || {
        (number(&gateway, "acked_total") > 2.5 && number(&gateway, "rejected_total") > 1.5)
            .then_some(())
    });
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_refused_message_is_kept_explained_and_released_with_all_that_its_protocol_said() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let verify = SIGNED.replace("secret: standard", "secret: file");
    let world = consuming(&broker.uri(), "queue: incoming, dedupe: message_id", &verify, "");
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    let text = text.replace("secrets:\n", "secrets:\n  file: { file: secret.txt }\n");
    std::fs::write(world.configuration(), text).unwrap();
    world.write("secret.txt", "whsec_dGhpcyBpcyBub3QgdGhlIHNlY3JldCBhdCBhbGw=");
    let gateway = world.start();
    wait_until_standing(&gateway, "consuming");
    let properties = signed("w-1", b"true")
        .with_type("order.new".into())
        .with_message_id("m-1".into())
        .with_timestamp(1_700_000_000);
    client.publish("", "incoming", b"true", properties);
    let one = wait_for("the message to be kept", || {
        let page = gateway.admin_get("/v1/refused?source=orders").json();
        page["refused"].as_array().unwrap().first().cloned()
    });
    assert_eq!(one["code"], "signature_refused");
    let place = format!("/v1/refused/{}", one["id"].as_str().unwrap());
    let shown = gateway.admin_get(&place).json();
    let transport = &shown["delivery"]["transport"];
    assert_eq!(transport["type"], "order.new", "{shown}");
    assert_eq!(transport["time"], "2023-11-14T22:13:20Z");
    assert_eq!(transport["dedupe"], "8:incoming m-1");
    let explained = gateway.consumer().call("/v1/explain", &shown["delivery"]);
    assert_eq!(explained.status, 200, "{}", explained.text());
    world.write("secret.txt", config::STANDARD_SECRET);
    gateway.wait_for_log("keys were replaced");
    let released = gateway.consumer().call(&format!("{place}/release"), &json!({}));
    assert_eq!(released.status, 200, "{}", released.text());
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.event["id"], one["id"]);
    for (name, value) in [
        ("type", "order.new"),
        ("time", "2023-11-14T22:13:20Z"),
        ("amqpqueue", "incoming"),
        ("amqpmessageid", "m-1"),
    ] {
        assert_eq!(event.attribute(name), value, "{name}: {}", event.event);
    }
}

#[test]
fn signed_messages_that_wait_for_a_full_disk_do_not_grow_too_old() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let disk = LoopDisk::new(256 << 20);
    let verify = SIGNED.replace("{ scheme", "{ tolerance: 15s, scheme");
    let limits = "limits: { free_disk_min: 32MiB }";
    let amqp = "queue: incoming, prefetch: 50";
    let gateway = on_disk(consuming(&broker.uri(), amqp, &verify, limits), &disk).start();
    wait_until_standing(&gateway, "consuming");
    disk.fill_until(16 << 20);
    wait_until_full(&gateway);
    let one = |n: usize| (b"true".to_vec(), signed(&format!("m-{n}"), b"true"));
    client.publish_all("incoming", (0..40).map(one).collect());
    let sent = Instant::now();
    wait_within(LONG, "all to be held", || (number(&gateway, "unsettled") > 39.5).then_some(()));
    wait_within(LONG, "the signatures to be too old", || {
        (sent.elapsed() > Duration::from_secs(20)).then_some(())
    });
    wait_until_standing(&gateway, "holding");
    disk.empty();
    assert_eq!(gateway.consumer().take("inbox", 40).len(), 40);
    assert!(number(&gateway, "rejected_total") < 0.5);
}
