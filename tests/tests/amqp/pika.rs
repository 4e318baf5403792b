//! The client that Python programs use (PyPI `pika`), as a producer and as a consumer.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use sluicegate_tests::fixtures::root;
use sluicegate_tests::rabbitmq::RabbitMq;

use crate::setup::{OPEN, consuming, wait_until_standing};

/// Where `tests/run` puts the package.
fn pika() -> PathBuf {
    let folder = root().join("target/tools/pika");
    assert!(
        folder.join("pika").is_dir(),
        "pika is missing: python3 -m pip install --no-deps --target {} pika==1.4.4",
        folder.display()
    );
    folder
}

/// Runs a program with the address of the broker; what it prints.
fn python(program: &str, uri: &str) -> String {
    let output = Command::new("python3")
        .args(["-c", program, uri])
        .env("PYTHONPATH", pika())
        .stdin(Stdio::null())
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

const PRODUCER: &str = r#"
import datetime, decimal, sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.confirm_delivery()
for n in range(50):
    channel.basic_publish("shop", "order.new", b'{"n": %d}' % n, pika.BasicProperties(
        content_type="application/json", delivery_mode=2, message_id="m-%d" % n, type="order.new",
        headers={"n": n, "big": 2**40, "price": decimal.Decimal("12.30"), "ok": True, "none": None,
                 "at": datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc),
                 "list": [1, "two", {"three": 3}], "raw": b"\xff\x00", "name": "\u00e9"}),
        mandatory=True)
connection.close()
"#;

const CONSUMER: &str = r#"
import sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
seen = {}
for method, properties, body in channel.consume("out", inactivity_timeout=30):
    assert method is not None, "nothing more came after %d" % len(seen)
    seen[body] = (properties.type, properties.delivery_mode, properties.headers)
    channel.basic_ack(method.delivery_tag)
    if len(seen) == 50:
        break
channel.cancel()
kind, mode, headers = seen[b'{"n": 7}']
assert (kind, mode) == ("order.new", 2), (kind, mode)
headers = {name: value for name, value in headers.items() if not name.startswith("cloudEvents_")}
print(sorted((name, repr(value)) for name, value in headers.items()))
connection.close()
"#;

#[test]
fn a_python_producer_and_a_python_consumer_meet_through_the_gateway() {
    let broker = RabbitMq::start();
    let declare = "queue: incoming, dedupe: message_id, declare: { bindings: \
                   [ { exchange: shop, declare: topic, key: \"order.*\" } ] }";
    let sink = "sinks:\n  out: { from: inbox, batch: { events: 20 }, amqp: { uri_secret: broker, \
                routing_key: out, forward_headers: true } }";
    let gateway = consuming(&broker.uri(), declare, OPEN, sink).start();
    wait_until_standing(&gateway, "consuming");
    let make = "import sys, pika\nchannel = pika.BlockingConnection(\
                pika.URLParameters(sys.argv[1])).channel()\n\
                channel.queue_declare('out', durable=True)\n";
    python(make, &broker.uri());
    python(PRODUCER, &broker.uri());
    let got = python(CONSUMER, &broker.uri());
    for header in [
        "('at', 'datetime.datetime(2026, 11, 22, 0, 0",
        "('big', '1099511627776L')",
        "('list', \"[1, 'two', {'three': 3}]\")",
        "('n', '7')",
        "('name', \"'é'\")",
        "('none', 'None')",
        "('ok', 'True')",
        "('price', \"Decimal('12.3')\")",
        "('raw', \"b'\\\\xff\\\\x00'\")",
    ] {
        assert!(got.contains(header), "{header} is not in {got}");
    }
    gateway.wait_until_empty("inbox");
}
