//! What every queue is told: by the configuration, by operators, or by nobody.
//!
//! The configuration that the store was opened with wins over what was made before under the same
//! name; what was made since wins over both. A pause and a hold win over all of them until they
//! are undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Delivery, QueueNumber};

use super::define::QueueOrigin;
use super::plan;
use crate::config::{Hold, QueueConfig};
use crate::fault::OpenFault;
use crate::format::settings::Settings;
use crate::recovery::KEEP;
use crate::rooms::{Plan, Standing};

/// What every queue is told.
#[derive(Debug, Clone)]
pub(super) struct Definitions {
    configured: BTreeMap<QueueName, QueueConfig>,
    pub(super) settings: Settings,
}

impl Definitions {
    /// With the configuration of a start, and what was set before it.
    pub(super) fn new(queues: &[QueueConfig], mut settings: Settings) -> Self {
        let config = |queue: &QueueConfig| (queue.name.clone(), queue.clone().within_bounds());
        let configured: BTreeMap<QueueName, QueueConfig> = queues.iter().map(config).collect();
        settings.made.retain(|name, _| !configured.contains_key(name));
        Self { configured, settings }
    }

    /// Gives every queue that is told something a number, if it has none yet; queues that are
    /// removed have names that nobody looks for.
    ///
    /// # Errors
    /// When there are too many, or a configured queue has no dead-letter queue.
    pub(super) fn number(&self, names: &mut Vec<QueueName>) -> Result<(), OpenFault> {
        for (name, number) in names.iter_mut().zip(0_u16..) {
            if self.settings.removed.contains(&QueueNumber(number)) {
                *name = removed_name(QueueNumber(number)).unwrap_or_else(|| name.clone());
            }
        }
        let known: BTreeSet<QueueName> = self.live(names).map(|(name, _)| name.clone()).collect();
        let told = self.configured.keys().chain(self.settings.made.keys());
        names.extend(told.filter(|name| !known.contains(*name)).cloned());
        if names.len() > QUEUES_MAX {
            let what = format!("a data folder holds at most {QUEUES_MAX} queues");
            return Err(OpenFault::Config { what });
        }
        let known: BTreeSet<&QueueName> = self.live(names).map(|(name, _)| name).collect();
        match self.configured.values().find(|queue| !known.contains(&queue.dead_letter)) {
            None => Ok(()),
            Some(QueueConfig { name, dead_letter, .. }) => {
                let what = format!("queue {name} has no dead-letter queue {dead_letter}");
                Err(OpenFault::Config { what })
            }
        }
    }

    /// How each queue is treated, by number.
    pub(super) fn plans(&self, names: &[QueueName]) -> Vec<Plan> {
        let numbers: HashMap<&QueueName, QueueNumber> = self.live(names).collect();
        let given_to: BTreeSet<&QueueName> =
            self.told().map(|config| &config.dead_letter).collect();
        let plan_of = |(name, number): (&QueueName, u16)| {
            if self.settings.removed.contains(&QueueNumber(number)) {
                return plan::removed();
            }
            let config = self.in_force(name);
            if self.base(name).is_none() {
                return Plan { standing: Standing::Found, ..plan::plan(&config, None) };
            }
            let to = numbers.get(&config.dead_letter).copied();
            plan::plan(&config, to.filter(|_| !given_to.contains(name)))
        };
        names.iter().zip(0_u16..).map(plan_of).collect()
    }

    /// The configuration that is in force, with what an operator paused or held.
    pub(super) fn in_force(&self, name: &QueueName) -> QueueConfig {
        let mut config = self.base(name).cloned().unwrap_or_else(|| kept(name));
        if let Some(delivery) = self.settings.deliveries.get(name) {
            config.delivery = *delivery;
        }
        if let Some(hold) = self.settings.holds.get(name) {
            config.retain.hold = *hold;
        }
        config
    }

    /// Where a queue comes from.
    pub(super) fn origin(&self, name: &QueueName) -> QueueOrigin {
        if self.settings.made.contains_key(name) {
            QueueOrigin::Made
        } else if self.configured.contains_key(name) {
            QueueOrigin::Configured
        } else {
            QueueOrigin::Found
        }
    }

    /// Another queue that gives its events up to this one.
    pub(super) fn gives_up_to(&self, name: &QueueName) -> Option<QueueName> {
        let mut others = self.told().filter(|other| other.name != *name);
        others.find(|other| other.dead_letter == *name).map(|other| other.name.clone())
    }

    /// An operator pauses or resumes. A pause stays whatever the configuration says; what is not
    /// otherwise than the configuration is not remembered.
    pub(super) fn set_delivery(&mut self, name: &QueueName, to: Delivery) {
        let usual = self.base(name).map_or(Delivery::Running, |config| config.delivery);
        if to == Delivery::Running && usual == to {
            self.settings.deliveries.remove(name);
        } else {
            self.settings.deliveries.insert(name.clone(), to);
        }
    }

    /// An operator holds or lifts, in the same way.
    pub(super) fn set_hold(&mut self, name: &QueueName, to: Hold) {
        let usual = self.base(name).map_or(Hold::None, |config| config.retain.hold);
        if to == Hold::None && usual == to {
            self.settings.holds.remove(name);
        } else {
            self.settings.holds.insert(name.clone(), to);
        }
    }

    /// Nobody says anything of the queue any more.
    pub(super) fn forget(&mut self, name: &QueueName, number: QueueNumber) {
        self.configured.remove(name);
        self.settings.made.remove(name);
        self.settings.deliveries.remove(name);
        self.settings.holds.remove(name);
        self.settings.removed.insert(number);
    }

    /// Every queue that has a name is held: what was set cannot be read.
    pub(super) fn hold_all(&mut self, names: &[QueueName]) {
        let held: Vec<_> = self.live(names).map(|(name, _)| (name.clone(), Hold::Held)).collect();
        self.settings.holds.extend(held);
    }

    fn base(&self, name: &QueueName) -> Option<&QueueConfig> {
        self.settings.made.get(name).or_else(|| self.configured.get(name))
    }

    /// The configuration of every queue that has one.
    fn told(&self) -> impl Iterator<Item = &QueueConfig> {
        let made = &self.settings.made;
        made.values().chain(self.configured.values().filter(|one| !made.contains_key(&one.name)))
    }

    fn live<'a>(
        &'a self,
        names: &'a [QueueName],
    ) -> impl Iterator<Item = (&'a QueueName, QueueNumber)> {
        let all = names.iter().zip((0_u16..).map(QueueNumber));
        all.filter(|(_, number)| !self.settings.removed.contains(number))
    }
}

/// The configuration of a queue that nobody configures: it keeps its events.
fn kept(name: &QueueName) -> QueueConfig {
    let config = QueueConfig::new(name.clone(), name.clone());
    QueueConfig { retry: KEEP.retry, ..config }
}

/// The name that a removed queue has in the log. Another queue may have it too: nobody looks for
/// a queue that is removed by its name.
pub(super) fn removed_name(number: QueueNumber) -> Option<QueueName> {
    format!("removed-{:05}", number.0).parse().ok()
}

/// Queues in one data folder, those that were removed included.
pub(super) const QUEUES_MAX: usize = u16::MAX as usize;
