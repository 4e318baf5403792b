//! The gateway as a client of a real Mosquitto: what the broker has acknowledged to its publishers
//! comes, whoever is killed meanwhile; what the queues hold goes out, and is answered for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;

use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{headers, request};
use sluicegate_tests::metrics::value;
use sluicegate_tests::mosquitto::Mosquitto;
use sluicegate_tests::mqtt::{
    Raw, V3, V5, answer, connect, publish, publish_with, subscribe, text,
};
use sluicegate_tests::tcp_proxy::TcpProxy;
use sluicegate_tests::world::World;

/// A gateway that takes `up/#` from the broker, and publishes what webhooks bring to `down/`.
pub(super) fn world(broker: SocketAddr, version: &str, qos: u8) -> World {
    let at = format!("{{ url: \"mqtt://{broker}\", version: \"{version}\", keep_alive: 2s }}");
    World::new(&format!(
        "{HEAD}\
sources:
  plant:
    mqtt_client:
      broker: {at}
      topics: [ {{ filter: \"up/#\", qos: {qos} }}, {{ filter: other/+, qos: 0 }} ]
      receive_max: 10
    verify: {{ scheme: none }}
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
routes:
  - {{ name: up, when: {{ source: [ plant ] }}, to: [ inbox ] }}
  - {{ name: down, default: true, to: [ out ] }}
queues:
  inbox: {{ retry: {{ attempts: 1000, min: 1ms, max: 1ms }} }}
  out: {{ retry: {{ attempts: 1000, min: 10ms, max: 100ms }} }}
sinks:
  plant:
    from: out
    mqtt:
      broker: {at}
      topic: \"down/{{type}}/{{headers.x-room}}\"
      qos: {qos}
      timeout: 5s
"
    ))
}

const CONNECTED: &str = "sluicegate_mqtt_client_connected{source=\"plant\"}";

fn wait_until_subscribed(gateway: &Gateway) {
    wait_for("the gateway to subscribe", || (value(gateway, CONNECTED) == 1.0).then_some(()));
}

fn broker() -> Mosquitto {
    Mosquitto::start("allow_anonymous true\nmax_queued_messages 0")
}

/// Publishes texts one after the other, and waits for each answer.
fn write(address: SocketAddr, qos: u8, texts: impl Iterator<Item = String>) {
    let mut raw = Raw::connect(address, V3, &format!("writer-{:?}", thread::current().id()));
    for (text, id) in texts.zip((1..=60_000_u16).cycle()) {
        raw.send(&publish(V3, qos << 1, "up/x", id, text.as_bytes()));
        if qos == 2 {
            assert_eq!(raw.read().first, 0x50);
            raw.send(&answer(0x62, id));
        }
        assert_eq!(raw.read().first, if qos == 1 { 0x40 } else { 0x70 });
    }
}

/// How often each payload came.
pub(super) fn texts(events: &[sluicegate_tests::consumer::Delivered]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let text = String::from_utf8(event.payload.clone()).unwrap();
        *counts.entry(text).or_default() += 1;
    }
    counts
}

#[test]
fn a_message_of_a_broker_becomes_an_event_and_is_answered_after_its_commit() {
    let broker = broker();
    for version in ["5", "3.1.1"] {
        let gateway = world(broker.address(), version, 2).start();
        wait_until_subscribed(&gateway);
        let mut raw = Raw::connect(broker.address(), V5, "device");
        let mut properties = vec![0x03];
        properties.extend(text("application/json"));
        properties.push(0x26);
        properties.extend(text("traceparent"));
        properties.extend(text("00-1-2-01"));
        for (flags, id) in [(0b0010, 1), (0b0100, 2), (0b0000, 0)] {
            let topic = if id == 0 { "other/x" } else { "up/a/b" };
            raw.send(&publish_with(V5, flags, topic, id, &properties, b"{ \"x\": 1.0 }"));
            if id == 0 {
                continue;
            }
            assert_eq!(raw.read().first >> 4, if id == 1 { 4 } else { 5 });
            if id == 2 {
                raw.send(&answer(0x62, id));
                assert_eq!(raw.read().first, 0x70);
            }
        }
        let events = gateway.consumer().take("inbox", 3);
        for event in &events {
            assert_eq!(event.payload, b"{ \"x\": 1.0 }");
            assert_eq!(event.attribute("type"), "mqtt.publish");
            if version == "5" {
                assert_eq!(event.attribute("datacontenttype"), "application/json");
                assert!(event.whole.to_string().contains("00-1-2-01"), "{}", event.whole);
            }
        }
        let answered = "sluicegate_mqtt_client_answered_total{source=\"plant\"}";
        wait_for("three answers", || (value(&gateway, answered) >= 3.0).then_some(()));
        assert!(gateway.stop().success());
    }
}

#[test]
fn messages_that_came_while_the_gateway_was_away_wait_for_it_at_the_broker() {
    let broker = broker();
    let world = world(broker.address(), "5", 1);
    let gateway = world.start();
    wait_until_subscribed(&gateway);
    gateway.kill();
    write(broker.address(), 1, (0..50).map(|number| number.to_string()));
    let gateway = world.start();
    let events = gateway.consumer().take("inbox", 50);
    let order: Vec<_> = events.iter().map(|event| event.payload.clone()).collect();
    assert_eq!(order, (0..50).map(|n| n.to_string().into_bytes()).collect::<Vec<_>>());
}

/// Kills the gateway, or restarts the broker, again and again under load; nothing is lost. Gives
/// back how often the one came that came most often.
fn lose_nothing(
    qos: u8,
    version: &str,
    mut disturb: impl FnMut(&mut Mosquitto, Gateway, &World) -> Gateway,
) -> usize {
    let mut broker = broker();
    let world = world(broker.address(), version, qos);
    let mut gateway = world.start();
    wait_until_subscribed(&gateway);
    let mut all = Vec::new();
    for round in 0..6 {
        let own: Vec<String> = (0..80).map(|number| format!("{round}-{number}")).collect();
        write(broker.address(), qos, own.iter().cloned());
        all.extend(own);
        gateway = disturb(&mut broker, gateway, &world);
    }
    let taken = gateway.consumer().take("inbox", all.len());
    let mut counts = texts(&taken);
    wait_for("every message", || {
        for (text, count) in texts(&gateway.consumer().drain("inbox")) {
            *counts.entry(text).or_default() += count;
        }
        all.iter().all(|text| counts.contains_key(text)).then_some(())
    });
    assert_eq!(counts.len(), all.len());
    counts.into_values().max().unwrap()
}

#[test]
fn kills_of_the_gateway_lose_no_message_of_a_broker_and_double_none_of_qos_2() {
    for (qos, version) in [(1, "3.1.1"), (2, "5")] {
        let most = lose_nothing(qos, version, |_, gateway, world| {
            gateway.kill();
            world.start()
        });
        assert!(most == 1 || qos == 1, "a message of QoS 2 came {most} times");
    }
}

#[test]
fn restarts_of_the_broker_lose_no_message() {
    for (qos, version) in [(1, "5"), (2, "3.1.1")] {
        // What the broker still knows of its answers after a restart is its own.
        let most = lose_nothing(qos, version, |broker, gateway, _| {
            broker.stop();
            broker.again();
            gateway
        });
        println!("QoS {qos}: the one that came most often came {most} times");
    }
}

#[test]
fn a_connection_that_is_cut_or_falls_silent_loses_and_doubles_nothing() {
    let broker = broker();
    let proxy = TcpProxy::to(broker.address().port());
    let through = SocketAddr::from(([127, 0, 0, 1], proxy.port()));
    let gateway = world(through, "5", 2).start();
    wait_until_subscribed(&gateway);
    for round in 0..6 {
        let own = (0..100).map(|number| format!("{round}-{number}"));
        thread::scope(|scope| {
            let writer = scope.spawn(|| write(broker.address(), 2, own));
            if round == 3 {
                // Nobody says that the connection is gone: the keep-alive finds out.
                proxy.be_silent(true);
                wait_for("the gateway to leave", || {
                    (value(&gateway, CONNECTED) == 0.0).then_some(())
                });
                proxy.be_silent(false);
            } else {
                proxy.cut();
            }
            writer.join().unwrap();
        });
    }
    let mut counts = texts(&gateway.consumer().take("inbox", 600));
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(counts.len(), 600);
    counts.clear();
    assert_eq!(texts(&gateway.consumer().drain("inbox")), counts, "nothing comes twice");
}

#[test]
fn events_go_out_with_their_topic_and_properties_over_restarts_of_the_broker() {
    let mut broker = broker();
    let address = broker.address();
    for (version, qos) in [("5", 1), ("3.1.1", 2), ("5", 0)] {
        let gateway = world(address, version, qos).start();
        let listen = || {
            let kept = connect(V5, "reader", 0, 60, &[0x11, 0, 0, 2, 0]);
            let (mut raw, _) = Raw::connect_with(address, &kept);
            raw.send(&subscribe(V5, 1, "down/#", 1));
            // What the session has may come before the answer.
            let mut before = Vec::new();
            loop {
                let packet = raw.read();
                if packet.first == 0x90 {
                    return (raw, before);
                }
                before.push(packet);
            }
        };
        let (mut reader, _) = listen();
        let hook = |number: u32| {
            let fields = [("X-Room", "kitchen"), ("traceparent", "00-1-2-01")];
            let mut all = headers(&fields);
            all.push(("Content-Type".to_owned(), "text/plain".to_owned()));
            request("POST", "/hooks/open", &all, format!("event {number}").as_bytes())
        };
        assert_eq!(gateway.send(&hook(0)).status, 202);
        let first = reader.read();
        let body = String::from_utf8_lossy(&first.body).into_owned();
        assert!(body.contains("down/webhook/kitchen") && body.ends_with("event 0"), "{body}");
        for part in ["specversion", "traceparent", "text/plain"] {
            assert_eq!(body.contains(part), version == "5", "{part}: {body}");
        }
        if qos > 0 {
            reader.send(&answer(0x40, packet_id(&first.body)));
        }
        drop(reader);
        if qos == 0 {
            continue;
        }
        broker.stop();
        for code in ["mqtt_source_down", "mqtt_sink_down"] {
            wait_for(code, || gateway.admin_get("/readyz").text().contains(code).then_some(()));
        }
        for number in 1..=20 {
            assert_eq!(gateway.send(&hook(number)).status, 202);
        }
        broker.again();
        let (mut reader, before) = listen();
        let mut before = before.into_iter();
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 20 {
            let packet = before.next().unwrap_or_else(|| reader.read());
            if packet.first >> 4 != 3 {
                continue;
            }
            let body = String::from_utf8_lossy(&packet.body).into_owned();
            let number = body.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
            seen.insert(number);
            reader.send(&answer(0x40, packet_id(&packet.body)));
        }
        gateway.wait_until_empty("out");
        wait_for("all to be well", || {
            (!gateway.admin_get("/readyz").text().contains("mqtt_")).then_some(())
        });
    }
}

/// The packet id of a PUBLISH of QoS 1.
fn packet_id(body: &[u8]) -> u16 {
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    u16::from_be_bytes([body[2 + topic], body[3 + topic]])
}

#[test]
fn a_bridge_speaks_tls_and_says_who_it_is() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("server.pem"), issued.cert.pem()).unwrap();
    std::fs::write(path("server.key"), issued.signing_key.serialize_pem()).unwrap();
    // `gateway:secret`, as mosquitto_passwd writes it.
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(path("users"))
        .args(["gateway", "secret"])
        .status()
        .expect("mosquitto_passwd comes with Mosquitto");
    assert!(made.success());
    let show = |name: &str| path(name).display().to_string();
    let broker = Mosquitto::start(&format!(
        "allow_anonymous false\npassword_file {}\ncertfile {}\nkeyfile {}",
        show("users"),
        show("server.pem"),
        show("server.key")
    ));
    let port = broker.address().port();
    let at = |user: &str| {
        format!(
            "{{ url: \"mqtts://localhost:{port}\", user: {user}, password_secret: tls_key, \
             tls: {{ ca_file: {} }} }}",
            show("server.pem")
        )
    };
    let head = HEAD.replace("secrets:\n", "secrets:\n  tls_key: { env: TLS_KEY }\n");
    let text = |user: &str| {
        format!(
            "{head}\
sources:
  plant:
    mqtt_client: {{ broker: {broker}, topics: [ {{ filter: \"loop/#\" }} ] }}
    verify: {{ scheme: none }}
  open: {{ http: {{ path: /hooks/open }}, verify: {{ scheme: none }} }}
routes:
  - {{ name: up, when: {{ source: [ plant ] }}, to: [ inbox ] }}
  - {{ name: down, default: true, to: [ out ] }}
queues: {{ inbox: {{}}, out: {{}} }}
sinks:
  plant: {{ from: out, mqtt: {{ broker: {broker}, topic: loop/x }} }}
",
            broker = at(user)
        )
    };
    let gateway = World::new(&text("gateway")).with_variable("TLS_KEY", "secret").start();
    wait_until_subscribed(&gateway);
    let hook = request("POST", "/hooks/open", &headers(&[]), b"round trip");
    assert_eq!(gateway.send(&hook).status, 202);
    let event = &gateway.consumer().take("inbox", 1)[0];
    assert_eq!(event.payload, b"round trip");
    assert_eq!(event.attribute("mqtttopic"), "loop/x");
    let stranger = World::new(&text("stranger")).with_variable("TLS_KEY", "secret").start();
    stranger.wait_for_log("refused the connection");
    assert!(value(&stranger, CONNECTED) == 0.0);
}
