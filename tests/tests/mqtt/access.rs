//! Who may come in over MQTT, how, and what they may do: users, tokens, rules, TLS, certificates of
//! clients, WebSocket.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use sluicegate_tests::config::listening;
use sluicegate_tests::metrics::value;
use sluicegate_tests::mqtt::{
    CLEAN, Raw, V3, V5, mosquitto_pub, packet, publish, python_with_paho, subscribe, text,
};
use sluicegate_tests::signing::hmac_sha256;
use sluicegate_tests::world::World;

/// Two users, whose password is `secret`.
const USERS: &str = include_str!("../../fixtures/mqtt/users.txt");

fn world(listen: &str, mqtt: &str) -> World {
    let head = listening(listen).replace("secrets:\n", "secrets:\n  tls_key: { env: TLS_KEY }\n");
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

/// A CONNECT of a user that goes on with the session of this client.
fn kept_as(client: &str, user: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT".to_vec();
    body.extend([V5, 0xc0, 0, 60, 5, 0x11, 0, 0, 2, 0]);
    for part in [client, user, "secret"] {
        body.extend(text(part));
    }
    packet(0x10, &body)
}

#[test]
fn a_session_with_its_queues_is_of_its_user_and_of_nobody_who_knows_the_client_id() {
    let rules = "  users: users.txt
  access:
    - { users: [ ann ], publish: [ \"#\" ], subscribe: [ \"homes/#\", $queue/inbox ] }";
    let world = world("mqtt: 127.0.0.1:0", rules).with_variable("TLS_KEY", "-");
    let gateway = world.start();
    let come = |gateway: &sluicegate_tests::gateway::Gateway, user| {
        let (raw, ack) = Raw::connect_with(gateway.mqtt(), &kept_as("c", user));
        assert_eq!(ack.body[1], 0, "{user}");
        (raw, ack.body[0])
    };
    let (mut ann, _) = come(&gateway, "ann");
    for (id, filter) in [(1, "homes/#"), (2, "$queue/inbox")] {
        ann.send(&subscribe(V5, id, filter, 1));
        assert_eq!(ann.read().body, [0, id as u8, 0, 1], "{filter}");
    }
    // A restart knows whose it is, too.
    gateway.kill();
    let gateway = world.start();
    let (_ann, present) = come(&gateway, "ann");
    assert_eq!(present, 1);
    let (mut bob, present) = come(&gateway, "bob");
    assert_eq!(present, 0, "another user has another session");
    let (mut writer, _) =
        Raw::connect_with(gateway.mqtt(), &connect_as(V5, "writer", "ann", "secret"));
    writer.send(&publish(V5, 0b0010, "homes/x", 1, b"private"));
    assert_eq!(writer.read().first, 0x40);
    bob.send(&packet(0xc0, &[]));
    assert_eq!(bob.read().first, 0xd0, "nothing else comes");
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1, "and nothing is leased");
    let (_ann, present) = come(&gateway, "ann");
    assert_eq!(present, 0, "hers has ended");
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

const SECRET: &str = "a secret of more than thirty-two bytes";

/// A token for this user that ends after so many seconds.
fn token(user: &str, seconds: i64) -> String {
    let end = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let end = i64::try_from(end.as_secs()).unwrap() + seconds;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let body = format!(r#"{{"sub":"{user}","iss":"the issuer","exp":{end}}}"#);
    let signed = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(&body));
    let mac = hmac_sha256(SECRET.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

#[test]
fn a_token_stands_for_a_user_and_the_connection_ends_with_it() {
    let rules = "  jwt: { algorithm: HS256, key_secret: tls_key, issuer: the issuer }
  access:
    - { publish: [ \"devices/{username}/#\" ] }";
    let gateway = world("mqtt: 127.0.0.1:0", rules).with_variable("TLS_KEY", SECRET).start();
    let mut good = token("d1", 60);
    for (user, code) in [("d1", 0), ("", 0), ("d2", 0x86)] {
        let connect = connect_as(V5, "c", user, &good);
        let (mut raw, ack) = Raw::connect_with(gateway.mqtt(), &connect);
        assert_eq!(ack.body[1], code, "{user}");
        if code == 0 {
            for (topic, code) in [("devices/d1/x", None), ("devices/d2/x", Some(0x87))] {
                raw.send(&publish(V5, 0b0010, topic, 1, b"x"));
                let said = raw.read().body.get(2).copied().filter(|code| *code != 0);
                assert_eq!(said, code, "{topic}");
            }
        }
    }
    // A clock may be 30 seconds wrong; this one is good for three or four seconds more.
    let short = token("d1", -26);
    let (mut raw, ack) = Raw::connect_with(gateway.mqtt(), &connect_as(V5, "s", "", &short));
    assert_eq!(ack.body[1], 0);
    let last = raw.until_closed();
    assert_eq!((last[0].first, last[0].body[0]), (0xe0, 0x87), "not authorised any more");
    good.pop();
    for bad in [token("d1", -31), good, String::new()] {
        let (_, ack) = Raw::connect_with(gateway.mqtt(), &connect_as(V5, "c", "d1", &bad));
        assert_eq!(ack.body[1], 0x86, "{bad}");
    }
}

#[test]
fn a_certificate_says_who_a_client_is_where_that_is_asked_for() {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let issue = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let settings = "  tls: { certificate: server.pem, key_secret: tls_key, client_ca: ca.pem, \
                    user_from_certificate: true }
  access:
    - { users: [ meter-7 ], publish: [ \"devices/{username}/#\" ] }";
    let (server, key) = issue("the gateway");
    let world = world("mqtts: 127.0.0.1:0", settings).with_variable("TLS_KEY", &key);
    world.write("server.pem", server);
    world.write("ca.pem", authority_pem);
    for (file, name) in [("good", "meter-7"), ("other", "meter-8")] {
        let (certificate, key) = issue(name);
        world.write(&format!("{file}.pem"), certificate);
        world.write(&format!("{file}.key"), key);
    }
    let gateway = world.start();
    let say = |file: &str, user: Option<&str>, topic: &str| {
        let path = |name: &str| world.path(name).to_string_lossy().into_owned();
        let (ca, certificate, key) =
            (path("ca.pem"), path(&format!("{file}.pem")), path(&format!("{file}.key")));
        let mut arguments = vec!["--cafile", &ca, "--cert", &certificate, "--key", &key];
        arguments.extend(user.iter().flat_map(|user| ["-u", user, "-P", "secret"]));
        // In 3.1.1 a message that is not allowed ends the connection.
        arguments.extend(["-V", "mqttv311", "-q", "1", "-t", topic, "-m", "x"]);
        mosquitto_pub(gateway.mqtts(), &arguments)
    };
    assert!(say("good", None, "devices/meter-7/x"));
    assert!(say("good", Some("meter-7"), "devices/meter-7/x"), "its own name");
    assert!(!say("good", Some("meter-8"), "devices/meter-8/x"), "another name");
    assert_eq!(gateway.consumer().take("inbox", 2).len(), 2);
    let taken = gateway.consumer().drain("inbox");
    assert_eq!(taken.len(), 0);
}

#[test]
fn paho_comes_in_over_websocket_with_tls_and_without() {
    let issued = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let settings = "  anonymous: true
  tls: { certificate: server.pem, key_secret: tls_key }";
    let listen = "mqtt_ws: 127.0.0.1:0, mqtt_wss: 127.0.0.1:0";
    let key = issued.signing_key.serialize_pem();
    let world = world(listen, settings).with_variable("TLS_KEY", &key);
    world.write("server.pem", issued.cert.pem());
    let gateway = world.start();
    for tls in [false, true] {
        let script = r#"
import sys, queue
import paho.mqtt.client as paho
port, ca, size = int(sys.argv[1]), sys.argv[2], 200_000
client = paho.Client(paho.CallbackAPIVersion.VERSION2, "ws", transport="websockets",
                     protocol=paho.MQTTv5)
if ca:
    client.tls_set(ca)
got, ready, done = queue.Queue(), queue.Queue(), queue.Queue()
client.on_message = lambda c, u, m: got.put(m.payload)
client.on_subscribe = lambda c, u, mid, reasons, p: ready.put(reasons)
client.on_publish = lambda c, u, mid, reason, p: done.put(reason)
client.connect("127.0.0.1", port)
client.loop_start()
client.subscribe("ws/#", 1)
ready.get(timeout=15)
for payload in (b"small", b"x" * size):
    client.publish("ws/x", payload, 1)
    assert not done.get(timeout=15).is_failure
    assert got.get(timeout=15) == payload
client.disconnect()
client.loop_stop()
"#;
        let ca = if tls {
            world.path("server.pem").to_string_lossy().into_owned()
        } else {
            String::new()
        };
        let port = gateway.mqtt_ws(tls).port().to_string();
        let run = python_with_paho().args(["-c", script, &port, &ca]).output().unwrap();
        assert!(run.status.success(), "{tls}: {}", String::from_utf8_lossy(&run.stderr));
    }
    assert_eq!(gateway.consumer().take("inbox", 4).len(), 4);
}

#[test]
fn a_websocket_without_the_subprotocol_or_with_text_in_it_is_closed() {
    let gateway =
        world("mqtt_ws: 127.0.0.1:0", "  anonymous: true").with_variable("TLS_KEY", "-").start();
    let hello = |protocol: &str| {
        format!(
            "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             {protocol}\r\n"
        )
    };
    let ask = |protocol: &str| {
        let mut raw = Raw::open(gateway.mqtt_ws(false));
        raw.send(hello(protocol).as_bytes());
        (raw.read_head(), raw)
    };
    assert!(ask("").0.starts_with("HTTP/1.1 400"));
    assert!(ask("Sec-WebSocket-Protocol: soap\r\n").0.starts_with("HTTP/1.1 400"));
    let (head, mut raw) = ask("Sec-WebSocket-Protocol: soap, mqtt\r\n");
    let chosen = "sec-websocket-protocol: mqtt";
    assert!(head.starts_with("HTTP/1.1 101") && head.to_lowercase().contains(chosen), "{head}");
    // A text frame, masked with zeros.
    raw.send(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    raw.wait_until_closed();
    // Half a handshake is closed in its time; others come in meanwhile.
    let mut half = Raw::open(gateway.mqtt_ws(false));
    half.send(b"GET /mqtt HTTP/1.1\r\n");
    assert!(ask("Sec-WebSocket-Protocol: mqtt\r\n").0.starts_with("HTTP/1.1 101"));
    half.wait_until_closed();
}
