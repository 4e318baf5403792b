//! Which queues there are, and how each is treated: those of the folder and those configured.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Policy, QueueNumber, QueueState};

use crate::config::QueueConfig;
use crate::fault::OpenFault;
use crate::gauges::Quota;
use crate::recovery::{KEEP, Recovered};

/// How one queue is treated.
pub(super) struct Plan {
    pub(super) name: QueueName,
    pub(super) policy: Policy,
    pub(super) quota: Quota,
    pub(super) retain: Duration,
}

/// Gives every queue a number and a policy: those of the folder keep theirs, new ones are added.
pub(super) fn plan(
    recovered: &mut Recovered,
    queues: &[QueueConfig],
) -> Result<Vec<Plan>, OpenFault> {
    let names = &mut recovered.names;
    for number in names.len()..recovered.states.len() {
        // Its catalogue was damaged. The name cannot be one that exists: those are known.
        let name = format!("recovered-{number}").parse().map_err(|_| too_many())?;
        names.push(name);
    }
    let known: HashSet<QueueName> = names.iter().cloned().collect();
    let mut new: Vec<QueueName> = queues.iter().map(|queue| queue.name.clone()).collect();
    new.retain(|name| !known.contains(name));
    names.extend(new);
    let mut numbers = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        numbers.insert(name.clone(), QueueNumber(u16::try_from(number).map_err(|_| too_many())?));
    }
    recovered.states.resize_with(names.len(), || QueueState::new(KEEP));
    let configured: HashMap<&QueueName, &QueueConfig> =
        queues.iter().map(|queue| (&queue.name, queue)).collect();
    let dead_letter_queues: HashSet<&QueueName> =
        queues.iter().map(|queue| &queue.dead_letter).collect();
    let mut plans = Vec::with_capacity(names.len());
    for (name, state) in names.iter().zip(&mut recovered.states) {
        let config = configured.get(name).copied();
        let dead_letters = match config {
            Some(config) if !dead_letter_queues.contains(name) => {
                let to = numbers.get(&config.dead_letter).copied();
                DeadLetters::MoveTo(to.ok_or_else(|| OpenFault::Config {
                    what: format!("queue {name} has no dead-letter queue {}", config.dead_letter),
                })?)
            }
            Some(_) | None => DeadLetters::Stay,
        };
        let retry = config.map_or(KEEP.retry, |config| config.retry);
        let policy = Policy { retry, dead_letters };
        state.set_policy(policy);
        plans.push(Plan {
            name: name.clone(),
            policy,
            quota: Quota {
                events_max: config.and_then(|config| config.events_max).unwrap_or(u64::MAX),
                bytes_max: config.and_then(|config| config.bytes_max).unwrap_or(u64::MAX),
            },
            retain: config.map_or(Duration::ZERO, |config| config.retain),
        });
    }
    Ok(plans)
}

fn too_many() -> OpenFault {
    OpenFault::Config { what: "a data folder holds at most 65,535 queues".into() }
}
