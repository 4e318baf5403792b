//! What a gateway that was killed still knows: sessions, subscriptions, packet ids of QoS 2,
//! retained messages, wills, what waits for clients; and what devices and subscribers lose while it
//! is killed again and again: nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{
    Packet, Raw, V3, V5, answer, connect, connect_with_will, packet, publish, subscribe,
};
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

/// The keys that the listener has in the store.
const KEYS: &str = r#"sluicegate_state_keys{plugin="mqtt",route="sluicegate.mqtt"}"#;

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
        // What was not answered comes again.
        assert_eq!(message(level, &third.read()).1, "for the subscriber");
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

/// The packet id and the payload of a PUBLISH of QoS 1 or 2.
fn message(level: u8, packet: &Packet) -> (u16, String) {
    assert_eq!(packet.first >> 4, 3, "{packet:?}");
    let topic = usize::from(u16::from_be_bytes([packet.body[0], packet.body[1]]));
    let (id, mut rest) = packet.body[2 + topic..].split_at(2);
    if level == V5 {
        rest = &rest[1 + usize::from(rest[0])..];
    }
    let text = String::from_utf8(rest.to_vec()).unwrap();
    (u16::from_be_bytes([id[0], id[1]]), text)
}

/// Asserts that nothing comes before the answer to a PINGREQ.
fn nothing_comes(raw: &mut Raw) {
    raw.send(&packet(0xc0, &[]));
    assert_eq!(raw.read().first, 0xd0);
}

#[test]
fn what_waits_for_a_client_that_is_away_outlives_a_kill() {
    for level in [V3, V5] {
        let world = world();
        let gateway = world.start();
        let client = format!("away-{level}");
        let (mut away, _) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        away.send(&subscribe(level, 1, &format!("{client}/+"), 1));
        assert_eq!(away.read().first, 0x90);
        away.send(&packet(0xe0, &[]));
        assert_eq!(away.until_closed(), []);
        let mut writer = Raw::connect(gateway.mqtt(), level, "writer");
        for number in 1..=20_u16 {
            let text = number.to_string();
            writer.send(&publish(level, 0b0010, &format!("{client}/x"), number, text.as_bytes()));
            assert_eq!(writer.read().first, 0x40);
        }
        gateway.kill();
        let gateway = world.start();
        let (mut back, ack) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        assert_eq!(ack.body[0], 1, "the session is present");
        for number in 1..=20_u16 {
            let (id, text) = message(level, &back.read());
            assert_eq!(text, number.to_string());
            back.send(&answer(0x40, id));
        }
        nothing_comes(&mut back);
        wait_for("what was answered to be deleted", || {
            (value(&gateway, "sluicegate_mqtt_waiting") == 0.0).then_some(())
        });
        // What is deleted is deleted in order: after this publish, those before it are.
        writer = Raw::connect(gateway.mqtt(), level, "writer");
        writer.send(&publish(level, 0b0010, "other", 1, b"x"));
        assert_eq!(writer.read().first, 0x40);
        gateway.kill();
        let gateway = world.start();
        let (mut last, _) = Raw::connect_with(gateway.mqtt(), &kept(level, &client));
        nothing_comes(&mut last);
        gateway.kill();
    }
}

#[test]
fn a_qos_2_message_keeps_its_packet_id_and_its_stage_over_kills() {
    for level in [V3, V5] {
        let world = world();
        let gateway = world.start();
        let client = format!("stages-{level}");
        let come = |gateway: &Gateway| Raw::connect_with(gateway.mqtt(), &kept(level, &client)).0;
        let mut reader = come(&gateway);
        reader.send(&subscribe(level, 1, "stages", 2));
        assert_eq!(reader.read().first, 0x90);
        let mut writer = Raw::connect(gateway.mqtt(), level, "writer");
        for (id, text) in [(1, "first"), (2, "second")] {
            writer.send(&publish(level, 0b0100, "stages", id, text.as_bytes()));
            assert_eq!(writer.read().first, 0x50);
        }
        let (first, second) = (message(level, &reader.read()), message(level, &reader.read()));
        assert_eq!((&*first.1, &*second.1), ("first", "second"));
        gateway.kill();
        let gateway = world.start();
        let mut reader = come(&gateway);
        for sent in [&first, &second] {
            let again = reader.read();
            assert_eq!((again.first & 0b1000, &message(level, &again)), (0b1000, sent));
        }
        reader.send(&answer(0x50, first.0));
        let release = reader.read();
        assert_eq!((release.first, &release.body[..2]), (0x62, &first.0.to_be_bytes()[..]));
        gateway.kill();
        let gateway = world.start();
        let mut reader = come(&gateway);
        let release = reader.read();
        assert_eq!((release.first, &release.body[..2]), (0x62, &first.0.to_be_bytes()[..]));
        assert_eq!(message(level, &reader.read()), second);
        reader.send(&answer(0x70, first.0));
        reader.send(&answer(0x50, second.0));
        assert_eq!(reader.read().first, 0x62);
        reader.send(&answer(0x70, second.0));
        nothing_comes(&mut reader);
        wait_for("what was answered to be deleted", || {
            (value(&gateway, "sluicegate_mqtt_waiting") == 0.0).then_some(())
        });
        gateway.kill();
    }
}

#[test]
fn a_gateway_that_was_killed_publishes_the_wills_of_those_who_were_there() {
    for level in [V3, V5] {
        let world = world();
        let gateway = world.start();
        let heir = format!("heir-{level}");
        let (mut reader, _) = Raw::connect_with(gateway.mqtt(), &kept(level, &heir));
        reader.send(&subscribe(level, 1, "wills/+", 1));
        assert_eq!(reader.read().first, 0x90);
        let mut guests = Vec::new();
        for name in ["lost", "polite"] {
            let topic = format!("wills/{name}");
            let connect = connect_with_will(level, &format!("{name}-{level}"), &topic, b"gone");
            guests.push(Raw::connect_with(gateway.mqtt(), &connect).0);
        }
        guests[1].send(&packet(0xe0, &[]));
        assert_eq!(guests[1].until_closed(), []);
        // The deletion of a will is laid down before what is published after it is answered.
        wait_for("the will of the polite one to be deleted", || {
            let mut writer = Raw::connect(gateway.mqtt(), level, "writer");
            writer.send(&publish(level, 0b0010, "other", 1, b"x"));
            let keys = value(&gateway, KEYS);
            (writer.read().first == 0x40 && keys == 2.0).then_some(())
        });
        gateway.kill();
        let gateway = world.start();
        let (mut reader, _) = Raw::connect_with(gateway.mqtt(), &kept(level, &heir));
        let (id, text) = message(level, &reader.read());
        assert_eq!(text, "gone");
        reader.send(&answer(0x40, id));
        nothing_comes(&mut reader);
        gateway.kill();
    }
}

/// A subscriber whose session is kept, and that does what QoS 1 and 2 ask of it.
struct Ear {
    name: String,
    level: u8,
    qos: u8,
    /// Packet ids of QoS 2 that were not released yet.
    held: BTreeSet<u16>,
    heard: BTreeMap<String, usize>,
}

impl Ear {
    fn new(name: &str, level: u8, qos: u8) -> Self {
        let name = name.to_owned();
        Self { name, level, qos, held: BTreeSet::new(), heard: BTreeMap::new() }
    }

    fn subscribe(&self, address: SocketAddr) {
        let (mut raw, _) = Raw::connect_with(address, &kept(self.level, &self.name));
        raw.send(&subscribe(self.level, 1, "load", self.qos));
        assert_eq!(raw.read().first, 0x90);
    }

    /// Listens until the connection breaks, or so many different messages were heard.
    fn listen(&mut self, address: SocketAddr, until: usize) {
        let connect = kept(self.level, &self.name);
        let Some((mut raw, ack)) = Raw::try_connect_with(address, &connect) else { return };
        assert_eq!(ack.body[0], 1, "{}: no session", self.name);
        while self.heard.len() < until || !self.held.is_empty() {
            let Some(packet) = raw.try_read() else { return };
            if packet.first == 0x62 {
                let id = u16::from_be_bytes([packet.body[0], packet.body[1]]);
                self.held.remove(&id);
                raw.try_send(&answer(0x70, id));
                continue;
            }
            let (id, text) = message(self.level, &packet);
            let twice = packet.first & 0b0110 == 0b0100;
            if !twice || self.held.insert(id) {
                *self.heard.entry(text).or_default() += 1;
            }
            raw.try_send(&answer(if twice { 0x50 } else { 0x40 }, id));
        }
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
    let mut ears = [Ear::new("ear-1", V3, 1), Ear::new("ear-2", V5, 2)];
    for round in 0..8 {
        let gateway = world.start();
        let (address, answered) = (gateway.mqtt(), AtomicUsize::new(0));
        if round == 0 {
            ears.iter().for_each(|ear| ear.subscribe(address));
        }
        thread::scope(|scope| {
            for ear in &mut ears {
                scope.spawn(move || ear.listen(address, usize::MAX));
            }
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
    for ear in &mut ears {
        ear.listen(gateway.mqtt(), all);
        for device in &devices {
            for number in 0..device.number {
                let text = format!("{} {number}", device.name);
                let count = ear.heard.get(&text).copied().unwrap_or(0);
                assert!(count >= 1, "{}: {text} is lost", ear.name);
                let once = ear.qos == 2 && device.qos == 2;
                assert!(count == 1 || !once, "{}: {text} came {count} times", ear.name);
            }
        }
    }
}
