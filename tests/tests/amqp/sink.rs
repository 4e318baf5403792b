//! The AMQP sink: nothing is done before the broker has it in a queue.

use lapin::ExchangeKind;
use lapin::types::AMQPValue;
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::config::open_source;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::rabbitmq::RabbitMq;
use sluicegate_tests::world::World;
use sluicegate_tests::{http, metrics};

use crate::setup::{LONG, consuming};

/// A gateway whose queue `inbox` goes to the broker.
fn publishing(uri: &str, amqp: &str, queues: &str) -> World {
    let text = format!(
        "{}sinks:\n  out: {{ from: inbox, batch: {{ events: 50 }}, \
         amqp: {{ uri_secret: broker, {amqp} }} }}\n",
        open_source(queues).replace("secrets:\n", "secrets:\n  broker: { env: BROKER_URI }\n")
    );
    World::new(&text).with_variable("BROKER_URI", uri)
}

const PATIENT: &str = "  inbox: { retry: { attempts: 1000, min: 50ms, max: 200ms } }";

fn post(gateway: &Gateway, body: &str) -> String {
    let headers = http::headers(&[
        ("Content-Type", "application/json"),
        ("traceparent", "00-1-2-01"),
        ("x-team", "blue"),
    ]);
    let request = http::request("POST", "/hooks/open", &headers, body.as_bytes());
    gateway.send(&request).accepted().id
}

fn sink_number(gateway: &Gateway, name: &str) -> f64 {
    metrics::value(gateway, &format!("sluicegate_amqp_sink_{name}{{sink=\"out\"}}"))
}

#[test]
fn events_are_published_persistently_under_their_id_and_are_done_when_confirmed() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("events", ExchangeKind::Topic);
    client.queue("out");
    client.bind("out", "events", "in.open.#");
    let amqp = "exchange: events, routing_key: \"in.{source}.{type}\", headers: { x-a: b }";
    let gateway = publishing(&broker.uri(), amqp, PATIENT).start();
    let sent: Vec<String> = (0..100).map(|at| post(&gateway, &format!("{{\"n\":{at}}}"))).collect();
    gateway.wait_until_empty("inbox");
    let mut got = Vec::new();
    for _ in 0..sent.len() {
        let taken = client.wait_for("out");
        assert_eq!(taken.routing_key, "in.open.webhook");
        assert_eq!(taken.header("cloudEvents_type"), "webhook");
        assert_eq!(
            (taken.header("traceparent"), taken.header("x-a")),
            ("00-1-2-01".into(), "b".into())
        );
        assert_eq!(taken.header("x-team"), "", "headers go out only if that is asked for");
        let properties = &taken.properties;
        assert_eq!(*properties.delivery_mode(), Some(2));
        let id = properties.message_id().clone().unwrap().to_string();
        let n = sent.iter().position(|sent| *sent == id).unwrap();
        assert_eq!(taken.body, format!("{{\"n\":{n}}}").into_bytes());
        got.push(id);
    }
    got.sort();
    let mut expected = sent;
    expected.sort();
    assert_eq!(got, expected, "each once");
}

#[test]
fn a_message_that_no_queue_is_bound_for_is_tried_again_or_given_up_and_its_batch_is_not() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("out");
    // The default exchange: the key is the name of a queue, and the body says which.
    let text = |amqp: &str, queues: &str| {
        let world = publishing(&broker.uri(), amqp, queues);
        let path = world.configuration();
        let open = "    http: { path: /hooks/open }\n";
        let facts = format!("{open}    event: {{ type: [ \"pointer:/to\" ] }}\n");
        let text = std::fs::read_to_string(&path).unwrap().replace(open, &facts);
        std::fs::write(path, text).unwrap();
        world
    };
    let retry = "retry: { attempts: 1000, min: 50ms, max: 200ms }";
    let dead = &format!("  inbox: {{ {retry}, dead_letter: dead }}\n  dead: {{}}");
    let world = text("routing_key: \"{type}\", on_unroutable: dead-letter", dead);
    let gateway = world.start();
    for at in 0..200 {
        post(&gateway, &format!("{{\"to\":\"{}\"}}", if at % 4 == 0 { "gone" } else { "out" }));
    }
    let given_up = gateway.consumer().take("dead", 50);
    for one in &given_up {
        assert_eq!(one.payload, br#"{"to":"gone"}"#);
        assert!(one.whole["letter"]["reason"].as_str().unwrap().contains("NO_ROUTE"));
    }
    gateway.wait_until_empty("inbox");
    assert_eq!(client.depth("out"), 150);
    assert!(sink_number(&gateway, "returned_total") > 49.5);
    drop(gateway);
    let world = text("routing_key: \"{type}\"", PATIENT);
    let gateway = world.start();
    post(&gateway, r#"{"to":"later"}"#);
    wait_within(LONG, "returned messages", || {
        (sink_number(&gateway, "returned_total") > 1.5).then_some(())
    });
    client.queue("later");
    assert_eq!(client.wait_for("later").body, br#"{"to":"later"}"#);
    gateway.wait_until_empty("inbox");
}

#[test]
fn a_message_that_closes_the_channel_fails_alone() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("events", ExchangeKind::Topic);
    client.queue("out");
    client.bind("out", "events", "#");
    broker.control(&["set_topic_permissions", "guest", "events", "^good$", ".*"]);
    let dead = "  inbox: { retry: { attempts: 3, min: 10ms, max: 20ms }, dead_letter: dead }\n  \
                dead: {}";
    let world = publishing(&broker.uri(), "exchange: events, routing_key: \"{type}\"", dead);
    let open = "    http: { path: /hooks/open }\n";
    let facts = format!("{open}    event: {{ type: [ \"pointer:/to\" ] }}\n");
    let text = std::fs::read_to_string(world.configuration()).unwrap().replace(open, &facts);
    std::fs::write(world.configuration(), text).unwrap();
    let gateway = world.start();
    for at in 0..60 {
        let to = if at % 20 == 7 { "bad" } else { "good" };
        post(&gateway, &format!("{{\"to\":\"{to}\",\"n\":{at}}}"));
    }
    for one in gateway.consumer().take("dead", 3) {
        let body = String::from_utf8(one.payload).unwrap();
        assert!(body.contains("\"bad\""), "{body}");
        let why = one.whole["letter"]["reason"].as_str().unwrap();
        assert!(why.contains("ACCESS_REFUSED"), "{why}");
    }
    gateway.wait_until_empty("inbox");
    assert_eq!(gateway.consumer().depth("dead"), 0, "nothing else is a dead letter");
    let mut numbers: Vec<u64> = Vec::new();
    while let Some(taken) = client.get("out") {
        let json: serde_json::Value = serde_json::from_slice(&taken.body).unwrap();
        numbers.push(json["n"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    numbers.dedup();
    let good: Vec<u64> = (0..60).filter(|at| at % 20 != 7).collect();
    assert_eq!(numbers, good, "each at least once");
}

#[test]
fn a_message_that_the_broker_refuses_is_tried_again_until_there_is_room() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("out");
    let policy = r#"{"max-length":3,"overflow":"reject-publish"}"#;
    broker.control(&["set_policy", "full", "^out$", policy, "--apply-to", "queues"]);
    let gateway = publishing(&broker.uri(), "routing_key: out", PATIENT).start();
    (0..10).for_each(|n| drop(post(&gateway, &format!("{{\"n\":{n}}}"))));
    wait_within(LONG, "the broker to refuse", || {
        (sink_number(&gateway, "nacked_total") > 0.5).then_some(())
    });
    let mut bodies: Vec<Vec<u8>> = (0..10).map(|_| client.wait_for("out").body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 10, "each of them, once");
    gateway.wait_until_empty("inbox");
}

#[test]
fn a_blocked_or_absent_broker_is_waited_for_and_costs_no_attempts() {
    let mut broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("out");
    broker.keep_declared();
    // Used up in ten seconds of a broker that is silent, and in one of a broker that is away.
    let few = "  inbox: { retry: { attempts: 20, min: 10ms, max: 20ms }, dead_letter: dead }\n  \
               dead: {}";
    let amqp = "routing_key: out, timeout: 500ms";
    let world = publishing(&broker.uri(), amqp, few);
    let gateway = world.start();
    post(&gateway, r#"{"n":0}"#);
    gateway.wait_until_empty("inbox");
    broker.block_publishers();
    (1..=20).for_each(|n| drop(post(&gateway, &format!("{{\"n\":{n}}}"))));
    wait_within(LONG, "the notice", || (sink_number(&gateway, "blocked") > 0.5).then_some(()));
    assert!(gateway.admin_get("/readyz").text().contains("amqp_sink_blocked"));
    let blocked = std::time::Instant::now();
    wait_within(LONG, "more than all attempts", || {
        (blocked.elapsed().as_secs() > 12).then_some(())
    });
    broker.unblock_publishers();
    gateway.wait_until_empty("inbox");
    broker.kill();
    (21..=40).for_each(|n| drop(post(&gateway, &format!("{{\"n\":{n}}}"))));
    wait_within(LONG, "the sink to be down", || {
        gateway.admin_get("/readyz").text().contains("amqp_sink_down").then_some(())
    });
    broker.start_again();
    gateway.wait_until_empty("inbox");
    assert_eq!(gateway.consumer().depth("dead"), 0);
    let client = AmqpClient::connect(&broker.uri());
    let mut numbers: Vec<u64> = Vec::new();
    while let Some(taken) = client.get("out") {
        let json: serde_json::Value = serde_json::from_slice(&taken.body).unwrap();
        numbers.push(json["n"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (0..=40).collect::<Vec<_>>(), "each at least once");
}

#[test]
fn a_message_goes_through_the_gateway_with_the_types_of_its_headers() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    client.queue("out");
    let sink = "sinks:\n  out: { from: inbox, amqp: { uri_secret: broker, routing_key: out, \
                forward_headers: true, cloudevents: off } }";
    let verify = "verify: { scheme: none }";
    let gateway = consuming(&broker.uri(), "queue: incoming", verify, sink).start();
    let mut inner = lapin::types::FieldTable::default();
    inner.insert("at".into(), AMQPValue::Timestamp(7));
    let mut table = lapin::types::FieldTable::default();
    for (name, value) in [
        ("X-Int", AMQPValue::LongInt(-3)),
        ("flag", AMQPValue::Boolean(true)),
        ("bytes", AMQPValue::ByteArray(vec![0, 255].into())),
        ("nested", AMQPValue::FieldTable(inner)),
        ("plain", AMQPValue::LongString("text".into())),
    ] {
        table.insert(name.into(), value);
    }
    let properties = lapin::BasicProperties::default()
        .with_headers(table.clone())
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_priority(3);
    client.publish("", "incoming", b"\x00\xffbytes", properties);
    let taken = client.wait_for("out");
    assert_eq!(taken.body, b"\x00\xffbytes");
    assert_eq!(taken.properties.headers(), &Some(table));
    assert_eq!(taken.properties.correlation_id(), &Some("c".into()));
    assert_eq!(
        (taken.properties.reply_to(), *taken.properties.priority()),
        (&Some("r".into()), Some(3))
    );
    gateway.wait_until_empty("inbox");
}
