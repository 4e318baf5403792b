//! Messages that no client library would send, written frame by frame. The gateway refuses them,
//! and goes on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use lapin::{BasicProperties, ExchangeKind};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::rabbitmq::RabbitMq;

use crate::setup::{OPEN, consuming, number, wait_until_standing};

/// A connection to a broker that sends whatever it is told.
struct Raw(TcpStream);

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

impl Raw {
    fn connect(port: u16) -> Self {
        let mut raw = Self(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
        raw.0.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
        raw.expect(10, 10);
        let login = [long(b""), short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")];
        raw.method(0, 10, 11, &login.concat());
        raw.expect(10, 30);
        // 2047 channels, frames of 128 KiB, no heartbeats.
        raw.method(0, 10, 31, &[7, 255, 0, 2, 0, 0, 0, 0]);
        raw.method(0, 10, 40, &[short(b"/"), short(b""), vec![0]].concat());
        raw.expect(10, 41);
        raw.method(1, 20, 10, &short(b""));
        raw.expect(20, 11);
        raw
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let head = [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]].concat();
        self.0.write_all(&head).unwrap();
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        self.frame(METHOD, channel, &payload);
    }

    /// Reads the next frame, which must be this method.
    fn expect(&mut self, class: u16, method: u16) {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes(head[3..].try_into().unwrap()) as usize;
        let mut payload = vec![0; length + 1];
        self.0.read_exact(&mut payload).unwrap();
        let got = [payload[0], payload[1], payload[2], payload[3]];
        assert_eq!(got, [class.to_be_bytes(), method.to_be_bytes()].concat()[..], "{payload:?}");
    }

    /// Publishes a message with this routing key, whose headers are these bytes.
    fn publish(&mut self, exchange: &str, key: &[u8], table: &[u8], body: &[u8]) {
        let arguments = [vec![0, 0], short(exchange.as_bytes()), short(key), vec![0]];
        self.method(1, 60, 40, &arguments.concat());
        let size = (body.len() as u64).to_be_bytes();
        let flags = (1_u16 << 13).to_be_bytes();
        self.frame(HEADER, 1, &[&[0, 60, 0, 0][..], &size, &flags, &long(table)].concat());
        for part in body.chunks(100_000) {
            self.frame(BODY, 1, part);
        }
    }

    /// Closes the connection, so that everything before it was taken.
    fn close(mut self) {
        self.method(0, 10, 50, &[vec![0, 200], short(b"bye"), vec![0; 4]].concat());
        self.expect(10, 51);
    }
}

/// A table in a table in a table.
fn nested(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for at in (0..depth).rev() {
        let mut outer = Vec::with_capacity(6 * (depth - at));
        outer.extend([0, b'F']);
        outer.extend(long(&table));
        table = outer;
    }
    table
}

#[test]
fn messages_that_cannot_be_read_are_rejected_and_the_next_ones_are_taken() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("dead", ExchangeKind::Fanout);
    client.exchange("all", ExchangeKind::Fanout);
    client.queue("refused");
    client.bind("refused", "dead", "");
    client.queue_with("incoming", &[("x-dead-letter-exchange", "dead")]);
    client.bind("incoming", "all", "");
    let amqp = "queue: incoming, payload_max: 64KiB";
    let mut gateway = consuming(&broker.uri(), amqp, OPEN, "").start();
    wait_until_standing(&gateway, "consuming");
    let mut raw = Raw::connect(broker.port());
    raw.publish("all", b"k", &nested(17), b"nested");
    raw.publish("all", b"k", &nested(18_000), b"nested very deeply");
    raw.publish("all", b"caf\xe9", b"", b"key is not UTF-8");
    raw.publish("all", b"k", &[short(b"\xff"), b"V".to_vec()].concat(), b"name is not UTF-8");
    let many: Vec<u8> = (0..101_u8).flat_map(|n| [short(&[n]), vec![b't', 1]].concat()).collect();
    raw.publish("all", b"k", &many, b"too many headers");
    let huge = [short(b"n"), b"S".to_vec(), long(&[b'x'; 60_000])].concat();
    raw.publish("all", b"k", &huge, b"headers too large");
    raw.publish("all", b"k", b"", &vec![b'x'; 1_000_000]);
    raw.publish("all", b"k", &nested(16), b"good");
    raw.close();
    let refused: Vec<Vec<u8>> = (0..7).map(|_| client_body(&broker, "refused")).collect();
    let starts: Vec<_> = refused.iter().map(|body| body.len()).collect();
    assert_eq!(starts.iter().max(), Some(&1_000_000), "as it was sent, not as it was seen");
    let event = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(event.payload, b"good");
    assert!(number(&gateway, "rejected_total") > 6.5);
    assert!(number(&gateway, "unreadable_total") > 6.5);
    wait_until_standing(&gateway, "consuming");
    gateway.assert_unharmed();
    let connections = "sluicegate_amqp_source_connections_total{source=\"orders\"}";
    assert!(sluicegate_tests::metrics::value(&gateway, connections) < 1.5, "nothing broke");
}

/// The body of the next message of a queue, by a client that does not read headers it cannot.
fn client_body(broker: &RabbitMq, queue: &str) -> Vec<u8> {
    let mut raw = Raw::connect(broker.port());
    let get = [vec![0, 0], short(queue.as_bytes()), vec![1]].concat();
    sluicegate_tests::deadline::wait_for("a refused message", || {
        raw.method(1, 60, 70, &get);
        raw.body()
    })
}

impl Raw {
    /// The body that comes after `basic.get`, if a message was there.
    fn body(&mut self) -> Option<Vec<u8>> {
        let mut size = None;
        let mut body = Vec::new();
        while size.is_none_or(|size| body.len() < size) {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes(head[3..].try_into().unwrap()) as usize;
            let mut payload = vec![0; length + 1];
            self.0.read_exact(&mut payload).unwrap();
            payload.pop();
            match head[0] {
                METHOD if payload[..4] == [0, 60, 0, 72] => return None,
                HEADER => {
                    let bytes = payload[4..12].try_into().unwrap();
                    size = Some(usize::try_from(u64::from_be_bytes(bytes)).unwrap());
                }
                BODY => body.extend(payload),
                _ => {}
            }
        }
        Some(body)
    }
}

#[test]
fn a_body_that_is_not_what_it_says_is_judged_by_its_bytes() {
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    client.exchange("dead", ExchangeKind::Fanout);
    client.queue("refused");
    client.bind("refused", "dead", "");
    client.queue_with("incoming", &[("x-dead-letter-exchange", "dead")]);
    let world = consuming(
        &broker.uri(),
        "queue: incoming",
        "verify: { scheme: none }\n    schema: { subject: order, on_violation: reject }",
        "schemas: ./schemas",
    );
    world.write("schemas/order.json", r#"{"type":"object","required":["n"]}"#);
    let gateway = world.start();
    let json = || BasicProperties::default().with_content_type("application/json".into());
    client.publish("", "incoming", b"\x1f\x8b\x08 not json", json());
    client.publish("", "incoming", b"{\"n\":", json());
    client.publish("", "incoming", b"", json());
    client.publish("", "incoming", br#"{"m":1}"#, json());
    client.publish("", "incoming", br#"{"n":1}"#, json());
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, br#"{"n":1}"#);
    for body in [&b"\x1f\x8b\x08 not json"[..], b"{\"n\":", b"", br#"{"m":1}"#] {
        assert_eq!(client.wait_for("refused").body, body);
    }
}
