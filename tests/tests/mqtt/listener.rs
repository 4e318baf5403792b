//! MQTT as its clients see it: bytes on a socket, Mosquitto's own clients, and Eclipse Paho.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sluicegate_tests::config::mqtt_head;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::http::{headers, request};
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{
    self, CLEAN, Raw, V3, V5, answer, connect, mosquitto_pub, mosquitto_sub, packet, publish,
    publish_with, subscribe,
};
use sluicegate_tests::world::World;

/// A gateway that takes everything that is published into `inbox`, and lets clients take from it.
fn open_world() -> World {
    World::new(&configuration(
        "mqtt: { topics: [ \"#\", $dollar/x ], dedupe_property: Message-Id }",
    ))
}

fn configuration(source: &str) -> String {
    let head = mqtt_head();
    format!(
        "{head}\
mqtt:
  anonymous: true
  access:
    - {{ publish: [ \"#\", $dollar/x ], subscribe: [ \"#\", $queue/inbox ] }}
sources:
  things:
    {source}
    verify: {{ scheme: none }}
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{ retry: {{ attempts: 100 }} }}
"
    )
}

/// Lines of `mosquitto_sub` as they come, once it is subscribed.
fn lines_of(mut child: std::process::Child) -> (std::process::Child, mpsc::Receiver<String>) {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = sender.send(line); // The test may be over.
        }
    });
    (child, lines)
}

#[test]
fn a_puback_stands_for_an_event_with_everything_that_the_message_said() {
    let gateway = open_world().start();
    let mut client = Raw::connect(gateway.mqtt(), V5, "meter-7");
    // Content type, response topic, correlation data, payload format, one user property.
    let mut properties = vec![0x01, 1, 0x03];
    properties.extend(mqtt::text("application/json"));
    properties.push(0x08);
    properties.extend(mqtt::text("answers/7"));
    properties.extend([0x09, 0, 2, 0xab, 0xcd, 0x26]);
    properties.extend(mqtt::text("Traceparent"));
    properties.extend(mqtt::text("00-1-2-01"));
    let body = br#"{ "kWh": 1.50 }"#;
    client.send(&publish_with(V5, 0b0010, "meters/7/reading", 9, &properties, body));
    let ack = client.read();
    assert_eq!((ack.first, &ack.body[..2]), (0x40, &[0, 9][..]), "{ack:?}");
    let event = &gateway.consumer().take("inbox", 1)[0];
    assert_eq!(event.payload, body);
    for (name, value) in [
        ("source", "things"),
        ("type", "mqtt.publish"),
        ("datacontenttype", "application/json"),
        ("mqtttopic", "meters/7/reading"),
        ("mqttclientid", "meter-7"),
        ("mqttqos", "1"),
        ("mqttresponsetopic", "answers/7"),
        ("mqttcorrelationdata", "abcd"),
        ("mqttpayloadformat", "utf-8"),
    ] {
        assert_eq!(event.attribute(name), value, "{name} in {}", event.whole);
    }
    assert!(event.whole.to_string().contains("00-1-2-01"), "{}", event.whole);
}

#[test]
fn mosquitto_clients_of_both_versions_meet_at_every_qos() {
    let gateway = open_world().start();
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let topic = format!("rooms/{version}/{qos}");
            let subscribe = ["-V", version, "-q", qos, "-t", "rooms/#", "-C", "1", "-v"];
            let (mut child, lines) = lines_of(mosquitto_sub(gateway.mqtt(), &subscribe));
            // Published until the subscriber has come up; it takes one and ends.
            let line = wait_for("mosquitto_sub to print", || {
                let say = ["-V", version, "-q", qos, "-t", &topic, "-m", "warm"];
                assert!(mosquitto_pub(gateway.mqtt(), &say), "{version} {qos}");
                lines.recv_timeout(Duration::from_millis(300)).ok()
            });
            assert_eq!(line, format!("{topic} warm"));
            assert!(child.wait().unwrap().success());
        }
    }
    assert!(gateway.consumer().drain("inbox").len() >= 6);
}

#[test]
fn a_message_that_no_source_takes_is_refused_and_not_stored() {
    let gateway = World::new(&configuration("mqtt: { topics: [ meters/# ] }")).start();
    let mut five = Raw::connect(gateway.mqtt(), V5, "five");
    five.send(&publish(V5, 0b0010, "other", 1, b"x"));
    assert_eq!(five.read().body, [0, 1, 0x87, 0], "not authorised");
    five.send(&publish(V5, 0b0010, "meters/1", 2, b"x"));
    assert_eq!(five.read().body[..2], [0, 2], "the connection goes on");
    let mut three = Raw::connect(gateway.mqtt(), V3, "three");
    three.send(&publish(V3, 0b0010, "other", 1, b"x"));
    assert_eq!(three.until_closed(), [], "3.1.1 has no word for no");
    assert_eq!(gateway.consumer().drain("inbox").len(), 1);
}

#[test]
fn an_event_of_a_queue_comes_again_until_a_client_has_answered() {
    let gateway = open_world().start();
    let hook = request("POST", "/hooks/open", &headers(&[("X-A", "b")]), b"from a webhook");
    assert_eq!(gateway.send(&hook).status, 202);
    for turn in 0..3 {
        let mut client = Raw::connect(gateway.mqtt(), V5, "taker");
        client.send(&subscribe(V5, 1, "$queue/inbox", 1));
        assert_eq!(client.read().body, [0, 1, 0, 1]);
        let message = client.read();
        assert_eq!(message.first, 0x32, "QoS 1: {message:?}");
        let text = String::from_utf8_lossy(&message.body).into_owned();
        assert!(text.contains("$queue/inbox") && text.ends_with("from a webhook"), "{text}");
        if turn < 2 {
            client.cut();
            continue;
        }
        let id = &message.body[14..16];
        client.send(&answer(0x40, u16::from_be_bytes([id[0], id[1]])));
        gateway.wait_until_empty("inbox");
    }
}

#[test]
fn an_event_that_is_too_large_for_one_client_is_given_to_another() {
    let gateway = open_world().start();
    let hook = request("POST", "/hooks/open", &headers(&[("X-A", "b")]), &[b'x'; 1000]);
    assert_eq!(gateway.send(&hook).status, 202);
    // Its Maximum Packet Size is 512 bytes.
    let narrow = connect(V5, "narrow", CLEAN, 60, &[0x27, 0, 0, 2, 0]);
    let (mut narrow, _) = Raw::connect_with(gateway.mqtt(), &narrow);
    narrow.send(&subscribe(V5, 1, "$queue/inbox", 1));
    assert_eq!(narrow.read().body, [0, 1, 0, 1]);
    wait_for("the event to be given back", || {
        let requeued = value(&gateway, r#"sluicegate_queue_requeued_total{queue="inbox"}"#);
        (requeued >= 1.0).then_some(())
    });
    narrow.send(&packet(0xc0, &[]));
    assert_eq!(narrow.read().first, 0xd0, "it was sent nothing, and is still there");
    narrow.cut();
    let mut wide = Raw::connect(gateway.mqtt(), V5, "wide");
    wide.send(&subscribe(V5, 1, "$queue/inbox", 1));
    assert_eq!(wide.read().body, [0, 1, 0, 1]);
    let message = wide.read();
    assert!(message.first == 0x32 && message.body.ends_with(&[b'x'; 1000]));
    let id = &message.body[14..16];
    wide.send(&answer(0x40, u16::from_be_bytes([id[0], id[1]])));
    gateway.wait_until_empty("inbox");
}

#[test]
fn a_qos_2_message_that_is_sent_again_is_not_doubled() {
    let gateway = open_world().start();
    for level in [V3, V5] {
        let keep: &[u8] = if level == V5 { &[0x11, 0, 0, 0, 60] } else { &[] };
        let client = format!("twice-{level}");
        let (mut first, _) =
            Raw::connect_with(gateway.mqtt(), &connect(level, &client, 0, 60, keep));
        first.send(&publish(level, 0b0100, "a/b", 5, b"once"));
        let received = first.read();
        assert_eq!((received.first, &received.body[..2]), (0x50, &[0, 5][..]));
        first.cut();
        let (mut again, ack) =
            Raw::connect_with(gateway.mqtt(), &connect(level, &client, 0, 60, keep));
        assert_eq!(ack.body[0], 1, "the session is present");
        again.send(&publish(level, 0b1100, "a/b", 5, b"once"));
        assert_eq!(again.read().first, 0x50);
        again.send(&answer(0x62, 5));
        assert_eq!((again.read().first, gateway.consumer().take("inbox", 1).len()), (0x70, 1));
        // The packet id is free again: the same one is another message now.
        again.send(&publish(level, 0b0100, "a/b", 5, b"twice"));
        assert_eq!(again.read().first, 0x50);
        let rest = gateway.consumer().drain("inbox");
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!(rest[0].payload, b"twice");
    }
}

#[test]
fn a_message_with_the_same_dedupe_property_is_acknowledged_and_not_stored_again() {
    let gateway = open_world().start();
    let mut properties = vec![0x26];
    properties.extend(mqtt::text("message-id"));
    properties.extend(mqtt::text("m-1"));
    for (client, count) in [("one", 3), ("other", 2)] {
        let mut raw = Raw::connect(gateway.mqtt(), V5, client);
        for id in 1..=count {
            raw.send(&publish_with(V5, 0b0010, "t", id, &properties, b"same"));
            assert_eq!(raw.read().body[..2], id.to_be_bytes());
        }
    }
    let stored = gateway.consumer().drain("inbox");
    assert_eq!(stored.len(), 2, "one for each client");
}

#[test]
fn a_client_that_asks_for_a_longer_silence_than_it_keeps_is_closed() {
    let gateway = open_world().start();
    let (mut client, _) = Raw::connect_with(gateway.mqtt(), &connect(V5, "silent", CLEAN, 1, &[]));
    let last = client.until_closed();
    assert_eq!(last.len(), 1);
    assert_eq!((last[0].first, last[0].body[0]), (0xe0, 0x8d), "keep-alive timeout");
}

#[test]
fn a_gateway_that_stops_answers_what_it_has_taken_and_says_good_bye() {
    let gateway = open_world().start();
    let mut client = Raw::connect(gateway.mqtt(), V5, "last");
    for id in 1..=50 {
        client.send(&publish(V5, 0b0010, "t", id, b"x"));
    }
    let first = client.read();
    assert_eq!(first.first, 0x40);
    let stopping = thread::spawn(move || gateway.stop());
    let rest = client.until_closed();
    let last = rest.last().unwrap();
    assert_eq!((last.first, last.body[0]), (0xe0, 0x8b), "server shutting down");
    let ids: Vec<_> = rest[..rest.len() - 1].iter().map(|ack| ack.body[1]).collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order: {ids:?}");
    assert!(stopping.join().unwrap().success());
}

#[test]
fn a_clean_session_is_not_resumed_by_a_connection_that_takes_its_place() {
    let gateway = open_world().start();
    let mut clean = Raw::connect(gateway.mqtt(), V3, "c");
    clean.send(&subscribe(V3, 1, "t/#", 1));
    assert_eq!(clean.read().first, 0x90);
    let (mut kept, ack) = Raw::connect_with(gateway.mqtt(), &mqtt::kept(V3, "c"));
    assert_eq!(ack.body[..2], [0, 0], "MQTT-3.1.2-6");
    let mut writer = Raw::connect(gateway.mqtt(), V3, "writer");
    writer.send(&publish(V3, 0b0010, "t/x", 1, b"x"));
    assert_eq!(writer.read().first, 0x40);
    kept.send(&mqtt::packet(0xc0, &[]));
    assert_eq!(kept.read().first, 0xd0, "nothing of the old one is left");
    let (_raw, ack) = Raw::connect_with(gateway.mqtt(), &mqtt::kept(V3, "c"));
    assert_eq!(ack.body[..2], [1, 0]);
}

#[test]
fn what_a_group_takes_from_a_queue_is_what_the_queue_has() {
    let gateway = open_world().start();
    let mut taker = Raw::connect(gateway.mqtt(), V5, "taker");
    taker.send(&subscribe(V5, 1, "$share/g/$queue/inbox", 1));
    assert_eq!(taker.read().body, [0, 1, 0, 1]);
    let mut writer = Raw::connect(gateway.mqtt(), V5, "writer");
    writer.send(&publish(V5, 0b0010, "t", 1, b"for one of them"));
    assert_eq!(writer.read().first, 0x40);
    let got = taker.read();
    assert_eq!(got.body[2..14], *b"$queue/inbox");
    assert!(got.body.ends_with(b"for one of them"));
}
