//! A broker, played by the test, that sends a message of QoS 2 again after it has released it.

use std::net::TcpListener;

use sluicegate_tests::mqtt::{Raw, V3, answer, packet, publish};

use super::bridge::{texts, world};

/// Lets the source in, as a broker that has its session, or has none; not the sink.
fn let_in(listener: &TcpListener, session_present: bool) -> Raw {
    loop {
        let mut raw = Raw::accept(listener);
        let connect = raw.try_read().filter(|packet| packet.first == 0x10);
        let id = b"sluicegate-plant";
        if connect.is_some_and(|packet| packet.body.windows(id.len()).any(|part| part == id)) {
            raw.send(&packet(0x20, &[u8::from(session_present), 0]));
            return raw;
        }
    }
}

/// The next packet that is no PINGREQ.
fn next(raw: &mut Raw) -> Option<u8> {
    loop {
        match raw.try_read()?.first {
            0xc0 => raw.try_send(&packet(0xd0, &[])),
            first => return Some(first),
        }
    }
}

/// Mosquitto 2.0.11 was seen to do this after two restarts in a row.
#[test]
fn a_scripted_broker_that_sends_again_what_it_has_released_doubles_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = world(listener.local_addr().unwrap(), "3.1.1", 2).start();
    let mut raw = let_in(&listener, false);
    let asked = raw.read();
    assert_eq!(asked.first, 0x82);
    raw.send(&packet(0x90, &[asked.body[0], asked.body[1], 2, 0]));
    let message =
        |id: u16, dup: u8| publish(V3, 0x04 | dup, "up/x", id, format!("m{id}").as_bytes());
    // Until the connection ends between PUBREL and PUBCOMP.
    let last = (1..=200).find(|id| {
        raw.send(&message(*id, 0));
        assert_eq!(next(&mut raw), Some(0x50));
        raw.send_last(&answer(0x62, *id));
        let completed = next(&mut raw).is_some();
        raw = let_in(&listener, true);
        !completed
    });
    let last = last.expect("a commit takes longer than the end of a connection");
    raw.send(&message(last, 0x08));
    assert_eq!(next(&mut raw), Some(0x50));
    raw.send(&answer(0x62, last));
    assert_eq!(next(&mut raw), Some(0x70));
    let counts = texts(&gateway.consumer().drain("inbox"));
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(counts.len(), usize::from(last));
}
