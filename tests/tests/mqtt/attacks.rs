//! What a stranger may send to the MQTT listener without harm to anybody else: the six ways in
//! which one stops another broker's listener, and packets that are none.

use sluicegate_tests::config::every_topic;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{
    CLEAN, Raw, V3, V5, answer, connect, kept, packet, publish, publish_with, subscribe, text,
};
use sluicegate_tests::random::Random;
use sluicegate_tests::world::World;

fn world(limits: &str) -> World {
    World::new(&every_topic(&format!("{{ anonymous: true, limits: {{ {limits} }} }}"), "{}"))
}

/// Fails the test unless strangers are still served: one publishes, another one gets it.
fn assert_serves(gateway: &mut Gateway) {
    let mut reader = Raw::connect(gateway.mqtt(), V5, "healthy-reader");
    reader.send(&subscribe(V5, 1, "healthy/#", 1));
    assert_eq!(reader.read().body, [0, 1, 0, 1]);
    let mut writer = Raw::connect(gateway.mqtt(), V3, "healthy-writer");
    writer.send(&publish(V3, 0b0010, "healthy/x", 1, b"fine"));
    assert_eq!(writer.read().first, 0x40);
    assert!(reader.read().body.ends_with(b"fine"));
    gateway.assert_unharmed();
}

#[test]
fn connections_that_say_nothing_hold_up_nobody_and_are_closed() {
    let mut gateway = world("connect: 3s").start();
    let mut silent: Vec<_> = (0..20).map(|_| Raw::open(gateway.mqtt())).collect();
    let mut half = Raw::open(gateway.mqtt());
    half.send(&connect(V5, "half", CLEAN, 60, &[])[..9]);
    assert_serves(&mut gateway);
    for stranger in silent.iter_mut().chain([&mut half]) {
        assert_eq!(stranger.until_closed(), []);
    }
}

#[test]
fn a_connect_is_small_whatever_packets_may_be() {
    let mut gateway = world("packet_max: 17MiB, connect: 1h").start();
    let mut stranger = Raw::open(gateway.mqtt());
    stranger.try_send(&packet(0x10, &vec![0; 200 * 1024])[..20]);
    assert_eq!(stranger.until_closed(), []);
    assert_serves(&mut gateway);
}

#[test]
fn a_packet_that_has_begun_is_not_waited_for_for_ever() {
    let mut gateway = world("write: 500ms").start();
    for part in [1, 10] {
        let connect = connect(V5, "half", CLEAN, 0, &[]);
        let (mut half, _) = Raw::connect_with(gateway.mqtt(), &connect);
        half.send(&publish(V5, 0b0010, "a/b", 1, b"x")[..part]);
        assert_eq!(half.until_closed(), [], "it has no keep-alive");
    }
    assert!(value(&gateway, "sluicegate_mqtt_timeouts_total") >= 2.0);
    assert_serves(&mut gateway);
}

#[test]
fn a_client_that_talks_on_can_read_why_it_was_disconnected() {
    let gateway = world("").start();
    for _ in 0..20 {
        let mut client = Raw::connect(gateway.mqtt(), V5, "talks");
        // Only servers send this one.
        client.send(&packet(0xd0, &[]));
        // None of that fails: whoever is answered packet by packet comes to the last one, too.
        client.send(&[0xc0, 0].repeat(500_000));
        let last = client.until_closed();
        assert_eq!(last.last().map(|one| (one.first, one.body[0])), Some((0xe0, 0x82)), "{last:?}");
    }
}

#[test]
fn client_ids_that_look_like_filters_are_ids_like_others() {
    let mut gateway = world("").start();
    for id in ["a+b", "a#b", "$a", "a/b", "+", "#", "é", "{client_id}"] {
        let mut first = Raw::connect(gateway.mqtt(), V5, id);
        let _second = Raw::connect(gateway.mqtt(), V5, id);
        let last = first.until_closed();
        assert_eq!((last[0].first, last[0].body[0]), (0xe0, 0x8e), "taken over: {id}");
    }
    assert_serves(&mut gateway);
}

#[test]
fn a_listener_that_was_full_takes_connections_again() {
    let mut gateway = world("connections: 4").start();
    for _ in 0..3 {
        let held: Vec<_> =
            (0..4).map(|at| Raw::connect(gateway.mqtt(), V5, &format!("c{at}"))).collect();
        for _ in 0..10 {
            let mut more = Raw::open(gateway.mqtt());
            more.try_send(&connect(V5, "c0", CLEAN, 60, &[]));
            assert_eq!(more.try_read(), None, "there is no place");
        }
        drop(held);
        wait_for("a place", || {
            let mut raw = Raw::open(gateway.mqtt());
            raw.try_send(&connect(V5, "next", CLEAN, 60, &[]));
            raw.try_read()
        });
        wait_for("the places to be free", || {
            let open = value(&gateway, "sluicegate_mqtt_connections");
            (open < 1.0).then_some(())
        });
    }
    assert_serves(&mut gateway);
}

#[test]
fn a_flood_of_connects_takes_no_more_than_its_bounds_and_holds_up_nobody() {
    const EACH: usize = 400;
    let gateway = &mut world("sessions: 100, connections_per_address: 40").start();
    let address = gateway.mqtt();
    let mut device = Raw::connect(address, V3, "device");
    let full = std::thread::scope(|scope| {
        let flood = |thread: usize| {
            move || {
                let again = |at| {
                    // Each wants a session that is kept, and is gone before it is answered, or not.
                    let mut raw = Raw::open(address);
                    raw.try_send(&kept(V5, &format!("flood-{thread}-{at}")));
                    let answer = (at % 2 == 0).then(|| raw.try_read()).flatten();
                    answer.is_some_and(|ack| ack.body[1] == 0x97)
                };
                (0..EACH).filter(|at| again(*at)).count()
            }
        };
        let floods: Vec<_> = (0..4).map(|thread| scope.spawn(flood(thread))).collect();
        let mut slowest = std::time::Duration::ZERO;
        for id in 1..=100 {
            let said = std::time::Instant::now();
            device.send(&publish(V3, 0b0010, "device/x", id, b"still here"));
            assert_eq!(device.read().first, 0x40);
            slowest = slowest.max(said.elapsed());
        }
        assert!(slowest < std::time::Duration::from_secs(20), "{slowest:?}");
        floods.into_iter().map(|flood| flood.join().unwrap()).sum::<usize>()
    });
    assert!(full > 0, "whoever comes when there is no room is told so");
    assert!(value(gateway, "sluicegate_mqtt_sessions") <= 100.0);
    gateway.assert_unharmed();
    // Those who have a session come back to it, and the device was never away.
    device.send(&publish(V3, 0b0010, "device/x", 101, b"still here"));
    assert_eq!(device.read().first, 0x40);
    assert_eq!(gateway.consumer().drain("inbox").len(), 101);
}

#[test]
fn topics_of_any_script_are_topics() {
    let mut gateway = world("").start();
    let mut client = Raw::connect(gateway.mqtt(), V5, "poet");
    for (id, topic) in ["é/x", "é", "日本/語", "/", "a//b", "\u{1F980}/x"].iter().enumerate() {
        let id = id as u16 + 1;
        client.send(&publish(V5, 0b0010, topic, id, b"x"));
        assert_eq!(client.read().body[..2], id.to_be_bytes(), "{topic}");
    }
    assert_serves(&mut gateway);
}

#[test]
fn properties_of_a_publisher_of_5_harm_no_subscriber_of_3_1_1() {
    let mut gateway = world("").start();
    let mut old = Raw::connect(gateway.mqtt(), V3, "old");
    old.send(&subscribe(V3, 1, "#", 2));
    assert_eq!(old.read().body, [0, 1, 2]);
    let mut new = Raw::connect(gateway.mqtt(), V5, "new");
    let mut properties = vec![0x02, 0, 0, 0, 60, 0x26];
    properties.extend(text("name"));
    properties.extend(text("value"));
    new.send(&publish_with(V5, 0b0010, "mixed", 1, &properties, b"payload"));
    assert_eq!(new.read().first, 0x40);
    let got = old.read();
    assert_eq!(got.first, 0x32);
    assert_eq!(got.body[..7], *b"\x00\x05mixed");
    assert_eq!(&got.body[9..], b"payload", "nothing of the properties is left");
    assert_serves(&mut gateway);
}

#[test]
fn packets_of_servers_end_only_the_connection_that_sent_them() {
    let mut gateway = world("").start();
    for level in [V3, V5] {
        for first in [0x20, 0x90, 0xb0, 0xd0, 0x00] {
            for body in [&[][..], &[0, 0], &[0, 1, 0, 0], &[0, 1, 0]] {
                let mut client = Raw::connect(gateway.mqtt(), level, "server");
                client.send(&packet(first, body));
                let last = client.until_closed();
                assert_eq!(last.len(), usize::from(level == V5), "{first:02x} {body:?} {last:?}");
            }
        }
    }
    assert_serves(&mut gateway);
}

#[test]
fn malformed_and_forbidden_packets_end_only_their_connection() {
    let mut gateway = world("packet_max: 64KiB").start();
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("wildcard in a topic", publish(V5, 0b0010, "a/+", 1, b"x")),
        ("wildcard in a topic", publish(V5, 0b0010, "#", 1, b"x")),
        ("no topic", publish(V5, 0b0010, "", 1, b"x")),
        ("packet id 0", publish(V5, 0b0010, "a", 0, b"x")),
        ("QoS 3", publish(V5, 0b0110, "a", 1, b"x")),
        ("DUP with QoS 0", publish(V5, 0b1000, "a", 1, b"x")),
        ("NUL in a topic", publish(V5, 0b0010, "a\0b", 1, b"x")),
        ("line break in a topic", publish(V5, 0b0010, "a\nb", 1, b"x")),
        ("not UTF-8", packet(0x32, b"\x00\x02\xc3\x28\x00\x01\x00x")),
        ("surrogate", packet(0x32, b"\x00\x03\xed\xa0\x80\x00\x01\x00x")),
        ("length beyond the packet", packet(0x32, b"\x00\xffa")),
        ("properties beyond the packet", packet(0x32, b"\x00\x01a\x00\x01\x7fx")),
        ("property twice", publish_with(V5, 0b0010, "a", 1, &[1, 1, 1, 1], b"x")),
        ("unknown property", publish_with(V5, 0b0010, "a", 1, &[0x7e, 1], b"x")),
        ("subscription id", publish_with(V5, 0b0010, "a", 1, &[0x0b, 1], b"x")),
        ("alias 0", publish_with(V5, 0b0010, "a", 1, &[0x23, 0, 0], b"x")),
        ("alias over the maximum", publish_with(V5, 0b0010, "a", 1, &[0x23, 255, 255], b"x")),
        ("alias without a topic", publish_with(V5, 0b0010, "", 1, &[0x23, 0, 1], b"x")),
        ("too large", packet(0x32, &vec![0; 65 * 1024])),
        ("overlong length", b"\x32\x85\x80\x00\x00\x01a\x00\x01".to_vec()),
        ("five length bytes", b"\x32\xff\xff\xff\xff\x01".to_vec()),
        ("no filter", packet(0x82, &[0, 1, 0])),
        ("reserved option", subscribe(V5, 1, "a", 0b1100_0000)),
        ("QoS 3 asked", subscribe(V5, 1, "a", 3)),
        ("no local, shared", subscribe(V5, 1, "$share/g/a", 0b0101)),
        ("flags of SUBSCRIBE", packet(0x80, b"\x00\x01\x00\x00\x01a\x00")),
        ("PINGREQ with a body", packet(0xc0, &[0])),
        ("flags of PUBREL", answer(0x60, 1)),
        ("second CONNECT", connect(V5, "again", CLEAN, 60, &[])),
        ("AUTH", packet(0xf0, &[])),
    ];
    for (what, bytes) in &bad {
        let mut client = Raw::connect(gateway.mqtt(), V5, "bad");
        client.try_send(bytes);
        let last = client.until_closed();
        assert!(last.len() <= 1 && last.iter().all(|one| one.first == 0xe0), "{what}: {last:?}");
        assert!(*what != "second CONNECT" || last.is_empty(), "{last:?}");
    }
    for topic in ["a".repeat(501), "/".repeat(64)] {
        let mut client = Raw::connect(gateway.mqtt(), V5, "long");
        client.send(&publish(V5, 0b0010, &topic, 1, b"x"));
        let last = client.until_closed();
        assert_eq!((last[0].first, last[0].body[0]), (0xe0, 0x90), "topic name invalid");
    }
    assert_serves(&mut gateway);
    let mut filters = Raw::connect(gateway.mqtt(), V5, "filters");
    for filter in ["a#/b", "a/#/b", "$share/g", "$share//a", "+a", ""] {
        filters.send(&subscribe(V5, 1, filter, 0));
        assert_eq!(filters.read().body, [0, 1, 0, 0x8f], "{filter:?}");
    }
    assert_eq!(gateway.consumer().drain("inbox").len(), 1, "only the healthy one's");
}

#[test]
fn connects_that_are_none_are_answered_or_closed() {
    let mut gateway = world("").start();
    for (what, bytes) in [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("PUBLISH first", publish(V5, 0, "a", 0, b"x")),
        ("another protocol", packet(0x10, b"\x00\x04MQTX\x04\x02\x00\x3c\x00\x01a")),
        ("reserved flag", connect(V3, "a", 0x03, 60, &[])),
        ("will QoS without a will", connect(V3, "a", 0x0a, 60, &[])),
        ("bytes after it", packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01azz")),
        ("cut short", packet(0x10, b"\x00\x04MQTT\x05\x02\x00")),
        ("empty id, kept", connect(V3, "", 0x00, 60, &[])),
    ] {
        let mut raw = Raw::open(gateway.mqtt());
        raw.try_send(&bytes);
        let said = raw.until_closed();
        let refused = |one: &sluicegate_tests::mqtt::Packet| one.first == 0x20 && one.body[1] != 0;
        assert!(said.len() <= 1 && said.iter().all(refused), "{what}: {said:?}");
    }
    let (mut raw, ack) = Raw::connect_with(gateway.mqtt(), &connect(6, "a", CLEAN, 60, &[]));
    assert_eq!((ack.body, raw.until_closed().len()), (vec![0, 1], 0), "unacceptable version");
    assert_serves(&mut gateway);
}

#[test]
fn random_packets_harm_nobody() {
    let mut gateway = world("").start();
    let mut random = Random::seeded();
    for round in 0..300 {
        let level = if round % 2 == 0 { V3 } else { V5 };
        let mut client = Raw::connect(gateway.mqtt(), level, "fuzz");
        let mut bytes = publish_with(level, 0b0010, "a/b", 1, &[], b"payload");
        bytes.extend(subscribe(level, 2, "a/#", 1));
        bytes.extend(answer(0x62, 3));
        for _ in 0..1 + random.below(6) {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        client.try_send(&bytes);
        client.cut();
    }
    assert_serves(&mut gateway);
}
