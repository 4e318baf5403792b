//! The queues of an open store, by name and by number.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueNumber;
use tokio::sync::mpsc;

use crate::gauges::{Gauges, Quota};
use crate::owner::Mail;

/// The queues.
#[derive(Debug)]
pub(super) struct Registry {
    by_name: HashMap<QueueName, QueueNumber>,
    by_number: Vec<Door>,
    pub(super) gauges: Arc<[Gauges]>,
}

/// The way to one queue.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) name: QueueName,
    pub(super) quota: Quota,
    /// Where its given-up events go; `None` if they stay.
    pub(super) dead_letter: Option<QueueNumber>,
    pub(super) mail: mpsc::Sender<Mail>,
}

impl Registry {
    pub(super) fn new(by_number: Vec<Door>, gauges: Arc<[Gauges]>) -> Self {
        let numbered = by_number.iter().zip(0_u16..);
        let by_name =
            numbered.map(|(door, number)| (door.name.clone(), QueueNumber(number))).collect();
        Self { by_name, by_number, gauges }
    }

    pub(super) fn number(&self, name: &QueueName) -> Option<QueueNumber> {
        self.by_name.get(name).copied()
    }

    pub(super) fn door(&self, number: QueueNumber) -> Option<(&Door, &Gauges)> {
        let at = usize::from(number.0);
        Some((self.by_number.get(at)?, self.gauges.get(at)?))
    }

    pub(super) fn doors(&self) -> impl Iterator<Item = (&Door, &Gauges)> {
        self.by_number.iter().zip(self.gauges.iter())
    }
}
