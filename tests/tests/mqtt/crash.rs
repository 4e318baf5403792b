//! What a gateway that was killed still knows: sessions, subscriptions, packet ids of QoS 2,
//! retained messages, wills, and what waits for clients.

use sluicegate_tests::config::every_topic;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{
    Raw, V3, V5, answer, connect_with_will, kept, message, packet, publish, subscribe,
};
use sluicegate_tests::world::World;

fn world() -> World {
    let inbox = "{ retry: { attempts: 1000, min: 1ms, max: 1ms } }";
    World::new(&every_topic("{ anonymous: true }", inbox))
}

/// The wills that the listener has in the store.
const WILLS: &str = r#"sluicegate_state_keys{plugin="mqtt",route="sluicegate.mqtt.wills"}"#;

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
            let keys = value(&gateway, WILLS);
            (writer.read().first == 0x40 && keys == 1.0).then_some(())
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
