//! Who may come in over MQTT, and what they may do: users, rules, TLS, certificates of clients.

use sluicegate_tests::config::HEAD;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{CLEAN, Raw, V3, V5, mosquitto_pub, packet, publish, subscribe, text};
use sluicegate_tests::world::World;

/// Two users, whose password is `secret`.
const USERS: &str = include_str!("../fixtures/mqtt/users.txt");

fn world(listen: &str, mqtt: &str) -> World {
    let head = HEAD.replace("admin: 127.0.0.1:0 }", &format!("admin: 127.0.0.1:0, {listen} }}"));
    let head = head.replace("secrets:\n", "secrets:\n  tls_key: { env: TLS_KEY }\n");
    let world = World::new(&format!(
        "{head}\
mqtt:
{mqtt}
sources:
  things: {{ mqtt: {{ topics: [ \"#\" ] }}, verify: {{ scheme: none }} }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    world.write("users.txt", USERS);
    world
}

/// A CONNECT with a user name and a password.
fn connect_as(level: u8, client: &str, user: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT".to_vec();
    body.extend([level, CLEAN | 0xc0, 0, 60]);
    if level == V5 {
        body.push(0);
    }
    for part in [client, user, password] {
        body.extend(text(part));
    }
    packet(0x10, &body)
}

#[test]
fn only_users_with_their_password_come_in_and_do_what_their_rules_say() {
    let rules = "  users: users.txt
  access:
    - { publish: [ \"devices/{client_id}/#\" ], subscribe: [ \"commands/{client_id}/+\" ] }
    - { users: [ ann ], subscribe: [ $queue/inbox ] }";
    let gateway = world("mqtt: 127.0.0.1:0", rules).with_variable("TLS_KEY", "-").start();
    for (user, password, level, code) in [
        ("ann", "wrong", V3, 4),
        ("ann", "wrong", V5, 0x86),
        ("eve", "secret", V3, 4),
        ("eve", "secret", V5, 0x86),
    ] {
        let connect = connect_as(level, "d1", user, password);
        let (mut raw, ack) = Raw::connect_with(gateway.mqtt(), &connect);
        assert_eq!((ack.body[1], raw.until_closed().len()), (code, 0), "{user} {level}");
    }
    let nobody = sluicegate_tests::mqtt::connect(V5, "d1", CLEAN, 60, &[]);
    assert_eq!(Raw::connect_with(gateway.mqtt(), &nobody).1.body[1], 0x87);
    assert!(value(&gateway, "sluicegate_mqtt_unauthorised_total") >= 5.0);

    let (mut bob, ack) = Raw::connect_with(gateway.mqtt(), &connect_as(V5, "d1", "bob", "secret"));
    assert_eq!(ack.body[1], 0);
    for (topic, code) in [("devices/d1/x", None), ("devices/d2/x", Some(0x87))] {
        bob.send(&publish(V5, 0b0010, topic, 1, b"x"));
        assert_eq!(bob.read().body.get(2).copied().filter(|code| *code != 0), code, "{topic}");
    }
    for (filter, code) in [
        ("commands/d1/+", 1),
        ("commands/d1/#", 0x87),
        ("devices/d1/x", 0x87),
        ("#", 0x87),
        ("$queue/inbox", 0x87),
    ] {
        bob.send(&subscribe(V5, 1, filter, 1));
        assert_eq!(bob.read().body, [0, 1, 0, code], "{filter}");
    }
    let (mut ann, _) = Raw::connect_with(gateway.mqtt(), &connect_as(V5, "c", "ann", "secret"));
    ann.send(&subscribe(V5, 1, "$queue/inbox", 2));
    assert_eq!(ann.read().body, [0, 1, 0, 1], "QoS 1 at most");
    assert!(ann.read().body.ends_with(b"x"));
}

#[test]
fn a_client_with_the_right_certificate_comes_in_over_tls_and_a_silent_one_holds_up_nobody() {
    let [server, client, stranger] =
        [(); 3].map(|()| rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap());
    let settings = "  anonymous: true
  tls: { certificate: server.pem, key_secret: tls_key, client_ca: client.pem }";
    let key = server.signing_key.serialize_pem();
    let world = world("mqtts: 127.0.0.1:0", settings).with_variable("TLS_KEY", &key);
    for (name, issued) in [("server", &server), ("client", &client), ("stranger", &stranger)] {
        world.write(&format!("{name}.pem"), issued.cert.pem());
        world.write(&format!("{name}.key"), issued.signing_key.serialize_pem());
    }
    let gateway = world.start();
    let _silent: Vec<_> = (0..10).map(|_| Raw::open(gateway.mqtts())).collect();
    let path = |name: &str| world.path(name).to_string_lossy().into_owned();
    let say = |who: Option<&str>| {
        let mut arguments = vec!["--cafile".to_owned(), path("server.pem")];
        if let Some(who) = who {
            arguments.extend(["--cert".to_owned(), path(&format!("{who}.pem"))]);
            arguments.extend(["--key".to_owned(), path(&format!("{who}.key"))]);
        }
        arguments.extend(["-q", "1", "-t", "t", "-m", "x"].map(str::to_owned));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        mosquitto_pub(gateway.mqtts(), &arguments)
    };
    assert!(say(Some("client")));
    assert!(!say(Some("stranger")), "another authority");
    assert!(!say(None), "no certificate");
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
}
