//! What devices and subscribers lose while a gateway is killed again and again under load: nothing;
//! and what comes twice of QoS 2: nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicegate_tests::config::every_topic;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::mqtt::{Raw, V3, V5, answer, kept, message, publish, subscribe};
use sluicegate_tests::world::World;

fn world() -> World {
    let inbox = "{ retry: { attempts: 1000, min: 1ms, max: 1ms } }";
    World::new(&every_topic("{ anonymous: true }", inbox))
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
        *counts.entry(String::from_utf8(event.payload).unwrap()).or_default() += 1;
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
