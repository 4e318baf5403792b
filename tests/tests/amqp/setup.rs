//! Configurations that the tests share, and how they wait.

use std::time::Duration;

use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics;
use sluicegate_tests::world::World;

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
