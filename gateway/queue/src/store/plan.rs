//! How each queue is treated: its configuration, with every name looked up.

use std::collections::{HashMap, HashSet};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Policy, QueueNumber, Room as Bounds};

use crate::config::{QueueConfig, Retain, WhenFull};
use crate::fault::OpenFault;
use crate::recovery::KEEP;
use crate::rooms::{Plan, Standing};
use crate::terms::TermsRules;

/// The plan of a queue that nobody configures: it keeps its events.
pub(super) fn keep() -> Plan {
    Plan {
        policy: KEEP,
        bounds: Bounds { events_max: u64::MAX, bytes_max: u64::MAX },
        retain: Retain::default(),
        terms: TermsRules::default(),
        dead_letter: None,
        when_full: WhenFull::Reject,
        standing: Standing::Found,
    }
}

/// The plan of a configured queue. `dead_letter` is the number of its dead-letter queue; `None`
/// if it is one itself.
pub(super) fn plan(config: &QueueConfig, dead_letter: Option<QueueNumber>) -> Plan {
    let bounds = Bounds {
        events_max: config.events_max.unwrap_or(u64::MAX),
        bytes_max: config.bytes_max.unwrap_or(u64::MAX),
    };
    let policy = Policy {
        retry: config.retry,
        dead_letters: dead_letter.map_or(DeadLetters::Stay, DeadLetters::MoveTo),
        on_expiry: config.on_expiry,
        delivery: config.delivery,
        delivery_rate: config.delivery_rate,
        held_max: config.held_max.max(1),
        drop_oldest: (config.when_full == WhenFull::DropOldest).then_some(bounds),
    };
    Plan {
        policy,
        bounds,
        retain: config.retain,
        terms: config.terms.clone(),
        dead_letter,
        when_full: config.when_full,
        standing: Standing::Configured,
    }
}

/// Gives every queue a number and a plan: those of the folder keep theirs, new ones are added.
/// `states` is how many queues the log speaks of.
pub(super) fn plans(
    names: &mut Vec<QueueName>,
    states: usize,
    queues: &[QueueConfig],
) -> Result<Vec<Plan>, OpenFault> {
    for number in names.len()..states {
        // Its catalogue was damaged. The name cannot be one that exists: those are known.
        let name = format!("recovered-{number}").parse().map_err(|_| too_many())?;
        names.push(name);
    }
    let known: HashSet<QueueName> = names.iter().cloned().collect();
    names
        .extend(queues.iter().map(|queue| queue.name.clone()).filter(|name| !known.contains(name)));
    let mut numbers = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        numbers.insert(name.clone(), QueueNumber(u16::try_from(number).map_err(|_| too_many())?));
    }
    let configured: HashMap<&QueueName, &QueueConfig> =
        queues.iter().map(|queue| (&queue.name, queue)).collect();
    let dead_letter_queues: HashSet<&QueueName> =
        queues.iter().map(|queue| &queue.dead_letter).collect();
    let plan_of = |name: &QueueName| match configured.get(name) {
        Some(config) if dead_letter_queues.contains(name) => Ok(plan(config, None)),
        Some(config) => {
            let to = numbers.get(&config.dead_letter).copied();
            Ok(plan(config, Some(to.ok_or_else(|| no_dead_letter_queue(config))?)))
        }
        None => Ok(keep()),
    };
    names.iter().map(plan_of).collect()
}

fn no_dead_letter_queue(config: &QueueConfig) -> OpenFault {
    let what = format!("queue {} has no dead-letter queue {}", config.name, config.dead_letter);
    OpenFault::Config { what }
}

fn too_many() -> OpenFault {
    OpenFault::Config { what: "a data folder holds at most 65,535 queues".into() }
}
