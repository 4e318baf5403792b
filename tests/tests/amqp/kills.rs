//! `kill -9` of the gateway while it consumes: what it acknowledged is there, each message once
//! with `dedupe`, and at least once without.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::rabbitmq::RabbitMq;
use sluicegate_tests::random::Random;

use crate::setup::{LONG, OPEN, consuming, number};

const ROUNDS: usize = 8;
const EACH: usize = 400;

/// Kills the gateway in every round while it consumes; how often each message became an event.
fn events_after_kills(amqp: &str) -> BTreeMap<usize, usize> {
    let mut random = Random::seeded();
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");
    let world = consuming(&broker.uri(), amqp, OPEN, "");
    for round in 0..ROUNDS {
        let message = |n: usize| {
            let id = format!("m-{n}");
            let properties = BasicProperties::default().with_message_id(id.as_str().into());
            (n.to_string().into_bytes(), properties)
        };
        client.publish_all("incoming", (round * EACH..(round + 1) * EACH).map(message).collect());
        let gateway = world.start();
        let enough = random.below(EACH * 3 / 4) as f64;
        wait_within(LONG, &format!("round {round}: {enough} messages"), || {
            (number(&gateway, "messages_total") > enough).then_some(())
        });
        gateway.kill();
    }
    let gateway = world.start();
    let consumer = gateway.consumer();
    let mut seen = BTreeMap::new();
    wait_within(LONG, "everything", || {
        let batch = consumer.receive("inbox", 500, 200);
        for one in &batch {
            let number: usize = String::from_utf8_lossy(&one.payload).parse().unwrap();
            *seen.entry(number).or_default() += 1;
        }
        consumer.ack("inbox", &batch);
        let settled = number(&gateway, "unsettled") < 0.5 && client.depth("incoming") == 0;
        (settled && batch.is_empty() && seen.len() >= ROUNDS * EACH).then_some(())
    });
    assert!(gateway.stop().success());
    assert_eq!(client.depth("incoming"), 0);
    seen
}

#[test]
fn with_message_ids_each_message_is_one_event_however_often_the_gateway_is_killed() {
    let seen = events_after_kills("queue: incoming, prefetch: 100, dedupe: message_id");
    assert_eq!(seen.len(), ROUNDS * EACH);
    let doubled: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
}

#[test]
fn without_them_no_message_is_lost_and_only_what_was_on_its_way_comes_twice() {
    let seen = events_after_kills("queue: incoming, prefetch: 20");
    assert_eq!(seen.len(), ROUNDS * EACH);
    let doubled = seen.values().filter(|times| **times > 1).count();
    assert!(doubled <= ROUNDS * 20, "{doubled} of {} came more than once", seen.len());
}
