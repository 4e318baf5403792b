//! What a gateway that was killed still knows: sessions, subscriptions, packet ids of QoS 2,
//! retained messages; and what devices lose that publish while it is killed again and again:
//! nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::mqtt::{Raw, V3, V5, answer, connect, publish, subscribe};
use sluicegate_tests::world::World;

fn world() -> World {
    let head = HEAD.replace("admin: 127.0.0.1:0 }", "admin: 127.0.0.1:0, mqtt: 127.0.0.1:0 }");
    World::new(&format!(
        "{head}\
mqtt: {{ anonymous: true }}
sources:
  things: {{ mqtt: {{ topics: [ \"#\" ] }}, verify: {{ scheme: none }} }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{ retry: {{ attempts: 1000, min: 1ms, max: 1ms }} }}
"
    ))
}

/// A CONNECT of a session that is kept.
fn kept(level: u8, client: &str) -> Vec<u8> {
    let expiry: &[u8] = if level == V5 { &[0x11, 0, 0, 2, 0] } else { &[] };
    connect(level, client, 0, 60, expiry)
}

#[test]
fn a_session_with_all_that_it_promised_outlives_a_kill() {
    let world = world();
    for level in [V3, V5] {
        let gateway = world.start();
        let client = format!("kept-{level}");
        let topic = format!("kept/{level}");
        let (mut first, ack) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        assert_eq!(ack.body[..2], [0, 0]);
        first.send(&subscribe(level, 1, &format!("{topic}/+"), 1));
        assert_eq!(first.read().first, 0x90);
        first.send(&publish(level, 0b0100, "once", 5, b"once"));
        assert_eq!(first.read().first, 0x50);
        first.send(&publish(level, 0b0011, &format!("last/{level}"), 6, b"retained"));
        assert_eq!(first.read().first, 0x40);
        gateway.kill();
        let gateway = world.start();
        let (mut again, ack) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        assert_eq!(ack.body[..2], [1, 0], "the session is present");
        again.send(&publish(level, 0b1100, "once", 5, b"once"));
        assert_eq!(again.read().first, 0x50);
        again.send(&answer(0x62, 5));
        assert_eq!(again.read().first, 0x70);
        let mut other = Raw::connect(gateway.mqtt(), level, "other");
        other.send(&publish(level, 0b0010, &format!("{topic}/x"), 1, b"for the subscriber"));
        assert_eq!(other.read().first, 0x40);
        assert!(again.read().body.ends_with(b"for the subscriber"));
        other.send(&subscribe(level, 2, "last/#", 0));
        assert_eq!(other.read().first, 0x90);
        assert!(other.read().body.ends_with(b"retained"));
        let stored = gateway.consumer().drain("inbox");
        assert_eq!(stored.len(), 3, "the QoS 2 message once: {stored:?}");
        // Forgotten for good: it is a message of its own after the next kill.
        gateway.kill();
        let gateway = world.start();
        let (mut third, _) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        third.send(&publish(level, 0b0100, "once", 5, b"another"));
        assert_eq!(third.read().first, 0x50);
        assert_eq!(gateway.consumer().drain("inbox").len(), 1);
        // A clean start ends the session, in the log too.
        let _ = Raw::connect(gateway.mqtt(), level, &client);
        other = Raw::connect(gateway.mqtt(), level, "other");
        other.send(&publish(level, 0b0011, &format!("last/{level}"), 1, b""));
        assert_eq!(other.read().first, 0x40);
        gateway.kill();
        let gateway = world.start();
        let (_raw, ack) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        assert_eq!(ack.body[..2], [0, 0], "nobody knows it");
        drop(gateway.consumer().drain("inbox"));
        gateway.kill();
    }
}

/// A device that sends numbers, one after the other, and sends again what was not answered.
struct Device {
    name: String,
    level: u8,
    qos: u8,
    /// The number under way.
    number: u32,
    sent: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Published,
    Released,
}

impl Device {
    fn packet_id(&self) -> u16 {
        (self.number % 7 + 1) as u16
    }

    /// Publishes until the connection breaks, or `until` numbers are answered.
    fn run(&mut self, address: SocketAddr, until: u32, answered: &AtomicUsize) {
        let connect = kept(self.level, &self.name);
        let Some((mut raw, ack)) = Raw::try_connect_with(address, &connect) else { return };
        assert_eq!(ack.body[1], 0);
        assert!(self.sent == Stage::New || ack.body[0] == 1, "{}: no session", self.name);
        while self.number < until {
            let (id, text) = (self.packet_id(), format!("{} {}", self.name, self.number));
            let dup = if self.sent == Stage::New { 0 } else { 0b1000 };
            let flags = dup | self.qos << 1;
            if self.sent == Stage::Released {
                raw.try_send(&answer(0x62, id));
            } else {
                self.sent = Stage::Published;
                raw.try_send(&publish(self.level, flags, "load", id, text.as_bytes()));
            }
            let Some(packet) = raw.try_read() else { return };
            assert_eq!(packet.body[..2], id.to_be_bytes(), "{packet:?}");
            match packet.first {
                0x50 => {
                    self.sent = Stage::Released;
                    continue;
                }
                0x40 | 0x70 => {}
                other => panic!("{other:x}"),
            }
            answered.fetch_add(1, Ordering::Relaxed);
            (self.number, self.sent) = (self.number + 1, Stage::New);
        }
    }
}

#[test]
fn kills_in_a_loop_lose_no_acknowledged_message_and_double_none_of_qos_2() {
    let world = world();
    let mut devices: Vec<_> = (0..8_u8)
        .map(|at| Device {
            name: format!("device-{at}"),
            level: if at % 2 == 0 { V3 } else { V5 },
            qos: 1 + at / 4,
            number: 0,
            sent: Stage::New,
        })
        .collect();
    for round in 0..8 {
        let gateway = world.start();
        let (address, answered) = (gateway.mqtt(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for device in &mut devices {
                let answered = &answered;
                scope.spawn(move || device.run(address, u32::MAX, answered));
            }
            let enough = 40 + 31 * round;
            wait_for("answers", || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
            gateway.kill();
        });
    }
    let gateway = world.start();
    for device in &mut devices {
        let until = device.number + 1;
        device.run(gateway.mqtt(), until, &AtomicUsize::new(0));
        assert_eq!(device.number, until, "{}", device.name);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in gateway.consumer().drain("inbox") {
        *counts.entry(event.event["data"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let mut all = 0;
    for device in &devices {
        for number in 0..device.number {
            let count = counts.get(&format!("{} {number}", device.name)).copied().unwrap_or(0);
            assert!(count >= 1, "{} {number} is lost", device.name);
            assert!(count == 1 || device.qos == 1, "{} {number}: {count} times", device.name);
            all += 1;
        }
    }
    assert!(all > 500, "{all}");
    assert_eq!(counts.len(), all, "nothing else came");
}
