//! Connections cut, brokers gone, queues deleted, disks full: the source comes back by itself, and
//! what it had not acknowledged comes again.

use std::collections::BTreeSet;

use lapin::BasicProperties;
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::consumer::Consumer;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::metrics;
use sluicegate_tests::rabbitmq::RabbitMq;
use sluicegate_tests::tcp_proxy::TcpProxy;

use crate::setup::{LONG, OPEN, consuming, number, on_disk, wait_until_full, wait_until_standing};

/// Numbered messages with an id each.
fn numbered(numbers: std::ops::Range<usize>) -> Vec<(Vec<u8>, BasicProperties)> {
    let one = |n: usize| {
        let id = format!("m-{n}");
        (n.to_string().into_bytes(), BasicProperties::default().with_message_id(id.as_str().into()))
    };
    numbers.map(one).collect()
}

/// Takes events until there is one of each number; fails if one comes twice.
fn take_each_once(consumer: &Consumer, numbers: std::ops::Range<usize>) {
    let mut seen = BTreeSet::new();
    wait_within(LONG, "every message", || {
        let batch = consumer.receive("inbox", 500, 200);
        for one in &batch {
            let number: usize = String::from_utf8_lossy(&one.payload).parse().unwrap();
            assert!(seen.insert(number), "{number} came twice");
        }
        consumer.ack("inbox", &batch);
        (seen.len() >= numbers.len()).then_some(())
    });
    assert_eq!(seen, numbers.collect());
}

fn interruptions(gateway: &Gateway, cause: &str) -> bool {
    let page = gateway.admin_get("/metrics").text();
    page.contains(&format!("interruptions_total{{source=\"orders\",cause=\"{cause}\"}}"))
}

const EACH_ONCE: &str = "queue: incoming, dedupe: message_id, prefetch: 50";

#[test]
fn a_connection_that_is_cut_or_closed_and_a_broker_that_is_killed_lose_and_double_nothing() {
    let mut broker = RabbitMq::start();
    let proxy = TcpProxy::to(broker.port());
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    broker.keep_declared();
    let gateway = consuming(&broker.uri_at(proxy.port()), EACH_ONCE, OPEN, "").start();
    wait_until_standing(&gateway, "consuming");
    client.publish_all("incoming", numbered(0..1_000));
    proxy.cut();
    client.publish_all("incoming", numbered(1_000..2_000));
    take_each_once(&gateway.consumer(), 0..2_000);
    assert!(interruptions(&gateway, "connection"), "it was cut");
    client.publish_all("incoming", numbered(2_000..3_000));
    broker.kill();
    wait_until_standing(&gateway, "connecting");
    assert!(gateway.admin_get("/readyz").text().contains("amqp_source_down"));
    broker.start_again();
    take_each_once(&gateway.consumer(), 2_000..3_000);
    wait_until_standing(&gateway, "consuming");
    let client = AmqpClient::connect(&broker.uri());
    client.publish_all("incoming", numbered(3_000..4_000));
    drop(client);
    broker.close_connections("a test");
    take_each_once(&gateway.consumer(), 3_000..4_000);
    wait_until_standing(&gateway, "consuming");
    wait_within(LONG, "all to be settled", || (number(&gateway, "unsettled") < 0.5).then_some(()));
    assert!(gateway.stop().success());
    let client = AmqpClient::connect(&broker.uri());
    assert_eq!(client.depth("incoming"), 0);
}

#[test]
fn a_broker_that_falls_silent_is_left_and_found_again() {
    let broker = RabbitMq::start();
    let proxy = TcpProxy::to(broker.port());
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let uri = format!("{}?heartbeat=4", broker.uri_at(proxy.port()));
    let gateway = consuming(&uri, EACH_ONCE, OPEN, "").start();
    wait_until_standing(&gateway, "consuming");
    proxy.be_silent(true);
    wait_until_standing(&gateway, "connecting");
    wait_within(LONG, "the silence to be counted", || {
        interruptions(&gateway, "silent").then_some(())
    });
    proxy.be_silent(false);
    wait_until_standing(&gateway, "consuming");
    client.publish_all("incoming", numbered(0..10));
    take_each_once(&gateway.consumer(), 0..10);
}

#[test]
fn a_queue_that_is_missing_does_not_hold_up_the_others_when_the_connection_is_lost() {
    let broker = RabbitMq::start();
    let proxy = TcpProxy::to(broker.port());
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let amqp = "queues: [ incoming, missing ], dedupe: message_id";
    let gateway = consuming(&broker.uri_at(proxy.port()), amqp, OPEN, "").start();
    wait_until_standing(&gateway, "consuming");
    // By now the other queue waits for long: it has been looked for eight times.
    let looked = "sluicegate_amqp_source_interruptions_total{source=\"orders\",cause=\"topology\"}";
    wait_within(LONG, "eight looks", || (metrics::value(&gateway, looked) > 7.5).then_some(()));
    proxy.cut();
    let cut = std::time::Instant::now();
    client.publish_all("incoming", numbered(0..10));
    take_each_once(&gateway.consumer(), 0..10);
    assert!(cut.elapsed().as_secs() < 20, "{:?}", cut.elapsed());
}

#[test]
fn a_queue_that_is_deleted_is_waited_for() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    let amqp = "queues: [ incoming, other ], dedupe: message_id";
    client.queue("other");
    let gateway = consuming(&broker.uri(), amqp, OPEN, "").start();
    wait_until_standing(&gateway, "no_queue");
    gateway.wait_for_log("NOT_FOUND");
    client.queue("incoming");
    wait_until_standing(&gateway, "consuming");
    client.delete("incoming");
    wait_until_standing(&gateway, "no_queue");
    // The other queue has not noticed.
    client.publish_all("other", numbered(0..10));
    take_each_once(&gateway.consumer(), 0..10);
    client.queue("incoming");
    client.publish_all("incoming", numbered(10..20));
    take_each_once(&gateway.consumer(), 10..20);
    assert!(interruptions(&gateway, "cancelled"));
    let connections = "sluicegate_amqp_source_connections_total{source=\"orders\"}";
    let opened = metrics::value(&gateway, connections);
    assert!(opened < 1.5, "one connection served all of that, not {opened}");
}

#[test]
fn a_full_disk_holds_messages_at_the_broker_until_there_is_room() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let disk = LoopDisk::new(256 << 20);
    let limits = "limits: { free_disk_min: 32MiB }";
    let world = on_disk(consuming(&broker.uri(), EACH_ONCE, OPEN, limits), &disk);
    let gateway = world.start();
    wait_until_standing(&gateway, "consuming");
    disk.fill_until(16 << 20);
    wait_until_full(&gateway);
    client.publish_all("incoming", numbered(0..200));
    wait_until_standing(&gateway, "holding");
    assert!(number(&gateway, "acked_total") < 0.5);
    assert!(number(&gateway, "unsettled") < 50.5, "no more than the prefetch");
    disk.empty();
    take_each_once(&gateway.consumer(), 0..200);
    wait_until_standing(&gateway, "consuming");
    let retried = number(&gateway, "retried_total");
    assert!(retried < 200.0, "a held queue tries one message at a time, not {retried} times");
}

#[test]
fn a_full_queue_puts_its_own_messages_off_and_no_others() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let world = consuming(&broker.uri(), EACH_ONCE, OPEN, "");
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    let small = "routes:\n  - { name: small, when: { type: [ small ] }, to: [ small ] }\n";
    let text = text.replace("routes:\n", small);
    let text = text.replace("inbox: {}", "inbox: {}, small: { limits: { events: 1 } }");
    std::fs::write(world.configuration(), text).unwrap();
    let gateway = world.start();
    wait_until_standing(&gateway, "consuming");
    let small = numbered(0..3).into_iter();
    let small = small.map(|(body, properties)| (body, properties.with_type("small".into())));
    client.publish_all("incoming", small.collect());
    wait_within(LONG, "two to be put off", || {
        (number(&gateway, "retried_total") > 1.5).then_some(())
    });
    client.publish_all("incoming", numbered(3..100));
    take_each_once(&gateway.consumer(), 3..100);
    for _ in 0..3 {
        assert_eq!(gateway.consumer().take("small", 1).len(), 1);
    }
    wait_within(LONG, "all to be acknowledged", || {
        (number(&gateway, "acked_total") > 99.5).then_some(())
    });
}

#[test]
fn a_channel_that_the_broker_closes_is_opened_again() {
    // The broker closes the channel of a consumer that holds a message for more than a second.
    let broker = RabbitMq::start_with(&[], |_| "consumer_timeout = 1000\n".to_owned());
    broker.control(&["eval", "application:set_env(rabbit, channel_tick_interval, 500)."]);
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let full = "limits: { free_disk_min: 999999GiB }";
    let gateway = consuming(&broker.uri(), EACH_ONCE, OPEN, full).start();
    client.publish_all("incoming", numbered(0..3));
    wait_within(LONG, "the broker to close the channel", || {
        interruptions(&gateway, "channel").then_some(())
    });
    wait_within(LONG, "messages to come again", || {
        (number(&gateway, "redelivered_total") > 2.5).then_some(())
    });
    assert!(number(&gateway, "abandoned_total") > 0.5, "what was in the line");
    assert!(number(&gateway, "acked_total") < 0.5);
}
