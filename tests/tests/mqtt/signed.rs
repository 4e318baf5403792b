//! Signatures and CloudEvents over MQTT: in user properties, and in an envelope for devices that have
//! none; what is played again is not stored again.

use serde_json::json;
use sluicegate_tests::config::{STANDARD_SECRET, mqtt_head};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::mqtt::{Raw, V3, V5, publish, publish_with, text};
use sluicegate_tests::signing::standard_webhooks;
use sluicegate_tests::world::World;

fn start() -> Gateway {
    let head = mqtt_head();
    World::new(&format!(
        "{head}\
mqtt: {{ anonymous: true }}
sources:
  signed:
    mqtt: {{ topics: [ \"five/#\" ] }}
    verify: {{ scheme: standard-webhooks, keys: [ {{ id: k1, secret: standard }} ] }}
  enveloped:
    mqtt: {{ topics: [ \"three/#\" ] }}
    verify: {{ envelope: true, scheme: standard-webhooks, keys: [ {{ id: k1, secret: standard }} ] }}
  clouds:
    mqtt: {{ topics: [ \"clouds/#\" ], format: cloudevents }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ))
    .start()
}

/// The headers of Standard Webhooks for a body, signed now.
fn signed(id: &str, body: &str) -> Vec<(&'static str, String)> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let time = now.as_secs();
    let signature = standard_webhooks(STANDARD_SECRET, id, time, body.as_bytes());
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", signature),
    ]
}

fn properties(pairs: &[(&str, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in pairs {
        bytes.push(0x26);
        bytes.extend(text(name));
        bytes.extend(text(value));
    }
    bytes
}

/// A PUBLISH of MQTT 5 with QoS 1; gives back the reason of its PUBACK.
fn say(raw: &mut Raw, topic: &str, id: u16, properties: &[u8], body: &[u8]) -> u8 {
    raw.send(&publish_with(V5, 0b0010, topic, id, properties, body));
    let ack = raw.read();
    assert_eq!((ack.first, &ack.body[..2]), (0x40, &id.to_be_bytes()[..]));
    ack.body.get(2).copied().unwrap_or(0)
}

#[test]
fn a_signature_in_user_properties_is_checked_and_a_replay_is_not_stored() {
    let gateway = start();
    let mut raw = Raw::connect(gateway.mqtt(), V5, "device");
    let body = r#"{ "kWh": 1.50 }"#;
    let good = properties(&signed("m-1", body));
    for id in 1..=3 {
        assert_eq!(say(&mut raw, "five/x", id, &good, body.as_bytes()), 0);
    }
    assert_eq!(say(&mut raw, "five/x", 4, &good, b"changed"), 0x87);
    assert_eq!(say(&mut raw, "five/x", 5, &[], body.as_bytes()), 0x87);
    let mut forged = signed("m-2", body);
    forged[0].1 = "m-3".to_owned();
    assert_eq!(say(&mut raw, "five/x", 6, &properties(&forged), body.as_bytes()), 0x87);
    let events = gateway.consumer().drain("inbox");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].payload, body.as_bytes());
}

#[test]
fn a_signature_in_an_envelope_is_checked_for_devices_of_3_1_1() {
    let gateway = start();
    let body = r#"{ "kWh": 1.50 }"#;
    let envelope = |id: &str, body: &str, text: &str| {
        let pairs =
            signed(id, body).into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
        let headers: serde_json::Map<_, _> = pairs.collect();
        json!({ "headers": headers, "body": text }).to_string()
    };
    let mut raw = Raw::connect(gateway.mqtt(), V3, "device");
    for id in 1..=2 {
        let whole = envelope("m-1", body, body);
        raw.send(&publish(V3, 0b0010, "three/x", id, whole.as_bytes()));
        assert_eq!(raw.read().first, 0x40);
    }
    for bad in [envelope("m-2", body, "changed"), body.to_owned()] {
        let mut raw = Raw::connect(gateway.mqtt(), V3, "stranger");
        raw.send(&publish(V3, 0b0010, "three/x", 1, bad.as_bytes()));
        assert_eq!(raw.until_closed(), []);
    }
    let events = gateway.consumer().drain("inbox");
    assert_eq!(events.len(), 1, "the second one is a replay");
    assert_eq!(events[0].payload, body.as_bytes());
}

#[test]
fn cloudevents_come_in_binary_and_structured_mode() {
    let gateway = start();
    let mut raw = Raw::connect(gateway.mqtt(), V5, "device");
    let pairs = |id: &str| {
        let pairs = [
            ("specversion", "1.0"),
            ("id", id),
            ("source", "/meters/7"),
            ("type", "reading.made"),
            ("comexample", "\u{e9}"),
        ];
        let mut bytes = vec![0x03];
        bytes.extend(text("application/json"));
        bytes.extend(properties(&pairs.map(|(name, value)| (name, value.to_owned()))));
        bytes
    };
    for id in 1..=2 {
        assert_eq!(say(&mut raw, "clouds/x", id, &pairs("a"), b"{ \"x\": 1.0 }"), 0);
    }
    let whole = json!({
        "specversion": "1.0", "id": "b", "source": "/meters/7", "type": "reading.made",
        "comexample": "\u{e9}", "datacontenttype": "application/json", "data": { "x": 1 },
    });
    let mut structured = vec![0x03];
    structured.extend(text("application/cloudevents+json"));
    assert_eq!(say(&mut raw, "clouds/x", 3, &structured, whole.to_string().as_bytes()), 0);
    assert_eq!(say(&mut raw, "clouds/x", 4, &[], b"no attributes"), 0x99);
    let mut old = Raw::connect(gateway.mqtt(), V3, "device");
    let third = whole.to_string().replace("\"b\"", "\"c\"");
    old.send(&publish(V3, 0b0010, "clouds/x", 5, third.as_bytes()));
    assert_eq!(old.read().first, 0x40, "3.1.1 has no content type to say structured by");
    let events = gateway.consumer().drain("inbox");
    assert_eq!(events.len(), 3, "the same source and id are the same event");
    for event in &events {
        assert_eq!(event.attribute("type"), "reading.made");
        assert_eq!(event.attribute("comexample"), "\u{e9}");
        assert_eq!(event.attribute("mqttclientid"), "device");
    }
    assert_eq!(events[0].payload, b"{ \"x\": 1.0 }");
}
