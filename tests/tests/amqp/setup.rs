//! Configurations that the tests share, and how they wait.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use sluicegate_tests::config::{self, HEAD};
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::world::World;
use sluicegate_tests::{metrics, signing};

/// A broker on a busy machine is slow.
pub(super) const LONG: Duration = Duration::from_secs(90);

/// A gateway that consumes from `incoming` of the broker at this address, into `inbox`.
pub(super) fn consuming(uri: &str, amqp: &str, source: &str, rest: &str) -> World {
    let text = format!(
        "{}sources:\n  orders:\n    amqp: {{ uri_secret: broker, {amqp} }}\n    {source}\n\
         routes:\n  - {{ name: all, default: true, to: [ inbox ] }}\n\
         queues: {{ inbox: {{}} }}\n{rest}\n",
        HEAD.replace("secrets:\n", "secrets:\n  broker: { env: BROKER_URI }\n")
    );
    World::new(&text).with_variable("BROKER_URI", uri)
}

/// The usual: one queue that must be there, and nobody proves anything.
pub(super) const OPEN: &str = "verify: { scheme: none }";

/// The same, with its data on this disk.
pub(super) fn on_disk(world: World, disk: &LoopDisk) -> World {
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    let data = format!("data: {}", disk.path("data").display());
    std::fs::write(world.configuration(), text.replace("data: ./data", &data)).unwrap();
    world
}

/// Waits until the gateway has found its disk full.
pub(super) fn wait_until_full(gateway: &Gateway) {
    wait_within(LONG, "the disk to be found full", || {
        gateway.admin_get("/readyz").text().contains("disk_full").then_some(())
    });
}

/// Waits until the queue of the source stands so.
pub(super) fn wait_until_standing(gateway: &Gateway, standing: &str) {
    let series = format!(
        "sluicegate_amqp_source_standing{{source=\"orders\",queue=\"incoming\",\
         standing=\"{standing}\"}}"
    );
    wait_within(LONG, &format!("the source to be {standing}"), || {
        (metrics::value(gateway, &series) > 0.5).then_some(())
    });
}

/// A number of the queue of the source.
pub(super) fn number(gateway: &Gateway, name: &str) -> f64 {
    let series = format!("sluicegate_amqp_source_{name}{{source=\"orders\",queue=\"incoming\"}}");
    metrics::value(gateway, &series)
}

/// Properties with these headers.
pub(super) fn headers(values: Vec<(&str, AMQPValue)>) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in values {
        table.insert(name.into(), value);
    }
    BasicProperties::default().with_headers(table)
}

pub(super) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// The headers that sign this body now.
pub(super) fn signature(id: &str, body: &[u8]) -> [(&'static str, String); 3] {
    let now = signing::unix_s_now();
    let signature = signing::standard_webhooks(config::STANDARD_SECRET, id, now, body);
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", signature),
    ]
}

/// A Standard Webhooks signature in the headers of a message.
pub(super) fn signed(id: &str, body: &[u8]) -> BasicProperties {
    let all = signature(id, body);
    headers(all.iter().map(|(name, value)| (*name, text(value))).collect())
}

/// Senders sign as Standard Webhooks has it.
pub(super) const SIGNED: &str =
    "verify: { scheme: standard-webhooks, keys: [ { id: k, secret: standard } ] }";
