//! The AMQP sources of a plan, started: each consumes from its broker and hands over to the door,
//! until it is told to stop. It is started last of the way in: a message is in the line at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_core::seams::Intake;
use sluicegate_sources::amqp::{AmqpConfig, AmqpMetrics, AmqpSource, QueueKind, Topology};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Plan, SourcePlan, WayIn};
use crate::intake::Door;

/// What an operator should know of the AMQP sources of a plan, though nothing is wrong.
pub(crate) fn remarks(plan: &Plan) -> Vec<String> {
    let remark = |source: &SourcePlan| {
        let WayIn::Amqp(config) = &source.way else { return None };
        let Topology::Declare(declared) = &config.topology else { return None };
        let drops = declared.kind == QueueKind::Quorum
            && declared.dead_letter_exchange.is_none()
            && declared.delivery_limit != Some(-1);
        drops.then(|| {
            format!(
                "source {}: a quorum queue without dead_letter_exchange drops messages that are \
                 handed out more often than its delivery limit",
                source.name
            )
        })
    };
    plan.sources.iter().filter_map(remark).collect()
}

/// Starts them among `tasks`; the counters of each.
pub(crate) fn start(
    plan: &Plan,
    door: &Arc<Door>,
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) -> BTreeMap<SourceName, Arc<AmqpMetrics>> {
    for remark in remarks(plan) {
        tracing::warn!("{remark}");
    }
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
