//! The checks of queues.

use std::collections::BTreeMap;

use sluicegate_core::ids::QueueName;
use sluicegate_core::retry::RetryPolicy;
use sluicegate_queue::{QueueConfig, Retain};

use super::check::{Checker, DEAD_LETTERS, places};
use super::shape;

impl Checker<'_> {
    /// Every queue, and the one for dead letters if it is not configured.
    pub(super) fn queues(&mut self, queues: &BTreeMap<String, shape::Queue>) -> Vec<QueueConfig> {
        let implied = shape::Queue::default();
        let mut all = places("queues", queues);
        let dead_letters = DEAD_LETTERS.to_owned();
        if !queues.contains_key(&dead_letters) {
            all.push((String::new(), &dead_letters, &implied));
        }
        all.into_iter().filter_map(|(place, name, queue)| self.queue(&place, name, queue)).collect()
    }

    fn queue(&mut self, place: &str, name: &str, queue: &shape::Queue) -> Option<QueueConfig> {
        let own_name: Option<QueueName> = self.name(place, name);
        let dead_letter = queue.dead_letter.as_deref().unwrap_or(DEAD_LETTERS);
        let dead_letter = self.reference(&format!("{place}/dead_letter"), "queues", dead_letter);
        let usual = RetryPolicy::default();
        let retry = RetryPolicy {
            attempts_max: queue.retry.attempts.unwrap_or(usual.attempts_max),
            wait_min: queue.retry.min.map_or(usual.wait_min, |span| span.0),
            wait_max: queue.retry.max.map_or(usual.wait_max, |span| span.0),
        };
        if retry.wait_min > retry.wait_max {
            let message = "the least wait is longer than the longest";
            self.fault(&format!("{place}/retry"), "value_out_of_range", message);
        }
        Some(QueueConfig {
            retry,
            retain: Retain { time: queue.retain.map(|span| span.0), ..Retain::default() },
            events_max: queue.limits.events,
            bytes_max: queue.limits.bytes.map(|size| size.0),
            ..QueueConfig::new(own_name?, dead_letter?)
        })
    }
}
