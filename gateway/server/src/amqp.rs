//! The AMQP sources of a plan, started: each consumes from its broker and hands over to the door,
//! until it is told to stop. It is started last of the way in: a message is in the line at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_core::seams::Intake;
use sluicegate_sources::amqp::{AmqpConfig, AmqpMetrics, AmqpSource};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Plan, WayIn};
use crate::intake::Door;

/// Starts them among `tasks`; the counters of each.
pub(crate) fn start(
    plan: &Plan,
    door: &Arc<Door>,
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) -> BTreeMap<SourceName, Arc<AmqpMetrics>> {
    let intake: Arc<dyn Intake> = Arc::clone(door) as _;
    let mut all = BTreeMap::new();
    for source in &plan.sources {
        let WayIn::Amqp(config) = &source.way else { continue };
        let config = AmqpConfig { drain: plan.drain, ..AmqpConfig::clone(config) };
        let amqp = AmqpSource::new(config, &intake);
        all.insert(source.name.clone(), amqp.metrics());
        tasks.spawn(amqp.run(stop.subscribe()));
    }
    all
}
