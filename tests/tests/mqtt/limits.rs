//! The bounds of the MQTT listener under a real binary: ten thousand clients that say nothing, one
//! that says too much, and a disk that is full.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sluicegate_tests::config::every_topic;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{Raw, V3, V5, connect, publish};
use sluicegate_tests::world::World;

fn configuration(limits: &str, more: &str) -> String {
    every_topic(&format!("{{ anonymous: true, limits: {{ {limits} }} }}"), "{}") + more
}

/// Bytes of memory that the gateway has in use.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn ten_thousand_clients_that_say_nothing_need_less_than_200_megabytes() {
    const CLIENTS: u64 = 10_000;
    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    assert!(maximum > CLIENTS + 500, "{maximum} open files are too few: raise the hard limit");
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let gateway = World::new(&configuration("connections_per_address: 20000", "")).start();
    let before = resident(&gateway);
    let clients: Vec<Raw> = (0..CLIENTS)
        .map(|at| {
            Raw::connect(gateway.mqtt(), if at % 2 == 0 { V3 } else { V5 }, &format!("c{at}"))
        })
        .collect();
    wait_for("all to be counted", || {
        let (open, sessions) = ("sluicegate_mqtt_connections", "sluicegate_mqtt_sessions");
        let all = CLIENTS as f64;
        (value(&gateway, open) == all && value(&gateway, sessions) == all).then_some(())
    });
    let after = resident(&gateway);
    println!("{CLIENTS} idle clients: {} KiB before, {} KiB after", before / 1024, after / 1024);
    assert!(after < 200_000_000, "{after}");
    // They are served all the same.
    for mut client in clients.into_iter().step_by(997) {
        client.send(&[0xc0, 0]);
        assert_eq!(client.read().first, 0xd0);
    }
}

#[test]
fn a_client_over_its_rate_is_read_more_slowly_and_others_are_not() {
    let gateway = World::new(&configuration("rate: 5", "")).start();
    let mut loud = Raw::connect(gateway.mqtt(), V3, "loud");
    let began = Instant::now();
    for id in 1..=60 {
        loud.send(&publish(V3, 0b0010, "t", id, b"x"));
    }
    let mut quiet = Raw::connect(gateway.mqtt(), V3, "quiet");
    quiet.send(&publish(V3, 0b0010, "t", 1, b"x"));
    assert_eq!(quiet.read().first, 0x40);
    assert!(began.elapsed() < Duration::from_secs(10), "the quiet one does not wait");
    for id in 1..=60_u16 {
        assert_eq!(loud.read().body[..2], id.to_be_bytes());
    }
    // Six at once, and five in each second after.
    assert!(began.elapsed() > Duration::from_millis(10_700), "{:?}", began.elapsed());
    assert_eq!(gateway.consumer().drain("inbox").len(), 61);
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_room_brings_everything_back() {
    const RESERVE: u64 = 32 << 20;
    let disk = LoopDisk::new(384 << 20);
    let more = format!("limits: {{ free_disk_min: {RESERVE} }}\n");
    let text = configuration("", &more);
    let data = disk.path("data");
    let world = World::new(&text.replace("data: ./data", &format!("data: {}", data.display())));
    let gateway = world.start();
    let kept = connect(V5, "kept", 0, 60, &[0x11, 0, 0, 2, 0]);
    let publish_one = || {
        let mut raw = Raw::connect(gateway.mqtt(), V5, "writer");
        raw.try_send(&publish(V5, 0b0010, "t", 1, b"x"));
        raw.try_read().map(|packet| (packet.first, packet.body))
    };
    assert_eq!(publish_one().map(|one| one.0), Some(0x40));
    disk.fill_until(RESERVE / 2);
    // The free space is looked at every two seconds. Then the message stays the client's: no
    // PUBACK, and the reason is that the server is busy.
    wait_for("a refusal", || {
        let (first, body) = publish_one()?;
        (first == 0xe0).then(|| assert_eq!(body[0], 0x89))
    });
    let (_, ack) = Raw::connect_with(gateway.mqtt(), &kept);
    assert_eq!(ack.body[1], 0x88, "no session is promised that cannot be kept");
    let mut old = Raw::connect(gateway.mqtt(), V3, "old");
    old.send(&publish(V3, 0b0010, "t", 1, b"x"));
    assert_eq!(old.until_closed(), []);
    disk.empty();
    wait_for("a PUBACK", || publish_one().filter(|one| one.0 == 0x40));
    assert_eq!(Raw::connect_with(gateway.mqtt(), &kept).1.body[1], 0);
    let events = gateway.consumer().drain("inbox").len();
    assert!(events >= 2, "{events}");
}

#[test]
fn a_window_that_would_leave_no_packet_ids_is_not_taken() {
    for (window, code) in [(16_384, 0), (16_385, 1), (0, 1)] {
        let world = World::new(&configuration(&format!("window: {window}"), ""));
        let file = world.configuration();
        let output = world.run(&["check", &file.to_string_lossy()]);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{window}: {said}");
        assert_eq!(said.contains("mqtt.limits.window"), code == 1, "{said}");
    }
}
