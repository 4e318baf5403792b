//! CloudEvents over AMQP, in and out, in both modes.

use lapin::types::AMQPValue;
use lapin::{BasicProperties, ExchangeKind};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::config::HEAD;
use sluicegate_tests::http;
use sluicegate_tests::rabbitmq::RabbitMq;
use sluicegate_tests::world::World;

use crate::setup::{OPEN, consuming, headers, text};

const CLOUDEVENTS: &str = "queue: incoming, format: cloudevents";

#[test]
fn cloudevents_are_read_in_every_mode_and_known_by_their_source_and_id() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let gateway = consuming(&broker.uri(), CLOUDEVENTS, OPEN, "").start();
    let binary = |prefix: &str| {
        let name = |name: &str| format!("{prefix}{name}");
        let names = ["specversion", "type", "id", "source", "region", "time"].map(name);
        let values = [
            text("1.0"),
            text("order.paid"),
            text("7"),
            text("/shop"),
            text("eu \u{20ac}"),
            AMQPValue::Timestamp(1_700_000_000),
        ];
        let pairs = names.iter().map(String::as_str).zip(values).collect();
        headers(pairs).with_content_type("application/json".into())
    };
    client.publish("", "incoming", b"{ \"n\": 1.50 }", binary("cloudEvents:"));
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.payload, b"{ \"n\": 1.50 }");
    for (name, value) in [
        ("type", "order.paid"),
        ("sgid", "7"),
        ("sgsource", "/shop"),
        ("region", "eu \u{20ac}"),
        ("time", "2023-11-14T22:13:20Z"),
        ("datacontenttype", "application/json"),
        ("amqpqueue", "incoming"),
    ] {
        assert_eq!(event.attribute(name), value, "{name}: {}", event.event);
    }
    // The same event, as another client would write it, and then two in the body of one message.
    client.publish("", "incoming", b"again", binary("cloudEvents_"));
    let media = |media: &str| BasicProperties::default().with_content_type(media.into());
    let body = br#"{"specversion":"1.0","type":"a.b","id":"8","source":"/s","data":{"x":1}}"#;
    client.publish("", "incoming", body, media("application/cloudevents+json; charset=utf-8"));
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!((event.attribute("type"), event.attribute("sgid")), ("a.b", "8"));
    assert_eq!(event.payload, br#"{"x":1}"#);
    let batch = br#"[{"specversion":"1.0","type":"t","id":"9","source":"/s"},
        {"specversion":"1.0","type":"t","id":"10","source":"/s"}]"#;
    client.publish("", "incoming", batch, media("application/cloudevents-batch+json"));
    let ids = gateway.consumer().take("inbox", 2);
    assert_eq!(ids.iter().map(|one| one.attribute("sgid")).collect::<Vec<_>>(), ["9", "10"]);
}

#[test]
fn what_is_no_cloudevent_is_rejected_on_a_source_of_those() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("dead", ExchangeKind::Fanout);
    client.queue("refused");
    client.bind("refused", "dead", "");
    client.queue_with("incoming", &[("x-dead-letter-exchange", "dead")]);
    let gateway = consuming(&broker.uri(), CLOUDEVENTS, OPEN, "").start();
    let without_id = vec![
        ("cloudEvents:specversion", text("1.0")),
        ("cloudEvents:type", text("t")),
        ("cloudEvents:source", text("/s")),
    ];
    client.publish("", "incoming", b"no id", headers(without_id));
    client.publish("", "incoming", b"no attributes", BasicProperties::default());
    let refused = [client.wait_for("refused"), client.wait_for("refused")];
    assert_eq!(refused.map(|one| one.body), [b"no id".to_vec(), b"no attributes".to_vec()]);
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

/// What comes by HTTP goes to the broker, and from there in again, to another queue.
fn round_trip(mode: &str) {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("between");
    let text = format!(
        "{}sources:\n  web: {{ http: {{ path: /in, format: cloudevents }}, {OPEN} }}\n  \
         again: {{ amqp: {{ uri_secret: broker, queue: between, format: cloudevents }}, {OPEN} }}\n\
         routes:\n  - {{ name: out, when: {{ source: [ web ] }}, to: [ out ] }}\n  \
         - {{ name: back, when: {{ source: [ again ] }}, to: [ inbox ] }}\n\
         queues: {{ inbox: {{}}, out: {{}} }}\n\
         sinks:\n  out: {{ from: out, amqp: {{ uri_secret: broker, routing_key: between, \
         cloudevents: {mode}, forward_headers: true }} }}\n",
        HEAD.replace("secrets:\n", "secrets:\n  broker: { env: BROKER_URI }\n")
    );
    let gateway = World::new(&text).with_variable("BROKER_URI", &broker.uri()).start();
    let sent = http::headers(&[
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/shop"),
        ("ce-type", "order.paid"),
        ("ce-subject", "Euro%20%E2%82%AC"),
        ("content-type", "application/json"),
        ("traceparent", "00-1-2-01"),
    ]);
    let answer = gateway.send(&http::request("POST", "/in", &sent, b"{ \"n\": 1.50 }"));
    let id = answer.accepted().id;
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.payload, b"{ \"n\": 1.50 }", "{mode}");
    for (name, value) in [
        ("type", "order.paid"),
        ("subject", "Euro \u{20ac}"),
        ("sgid", id.as_str()),
        ("sgsource", "web"),
        ("originid", "7"),
        ("originsource", "/shop"),
        ("datacontenttype", "application/json"),
    ] {
        assert_eq!(event.attribute(name), value, "{mode}: {name} of {}", event.event);
    }
    let headers = &event.event["sgheaders"];
    assert_eq!(headers["traceparent"], "00-1-2-01", "the trace goes on: {headers}");
    assert_eq!(headers.get("host"), None, "what was said of the connection does not: {headers}");
}

#[test]
fn an_event_goes_out_and_comes_in_again_as_the_same_in_headers() {
    round_trip("binary");
}

#[test]
fn an_event_goes_out_and_comes_in_again_as_the_same_in_its_body() {
    round_trip("structured");
}
