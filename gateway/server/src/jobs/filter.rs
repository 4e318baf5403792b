//! Which events a job means.

use serde_json::Value;
use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::time::Timestamp;

use crate::pipeline::Pipeline;
use crate::routes::Pattern;

/// Which events are meant: those for which all of this holds.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// All of these match.
    pub(super) patterns: Vec<Pattern>,
    /// It is a letter of this cause.
    pub(super) cause: Option<Cause>,
    /// It was received at this time or later.
    pub(super) from: Option<Timestamp>,
    /// It was received before this time.
    pub(super) to: Option<Timestamp>,
    /// It was placed in one of these; empty: in any.
    pub(super) placed_in: Vec<QueueName>,
}

impl Filter {
    /// Whether this event is meant. The line knows how its source writes JSON.
    pub(super) fn takes(
        &self,
        line: &Pipeline,
        event: &Event,
        letter: Option<&Letter>,
        queues: &[QueueName],
    ) -> bool {
        let in_time = self.from.is_none_or(|from| event.received_at >= from)
            && self.to.is_none_or(|to| event.received_at < to);
        in_time
            && self.cause.is_none_or(|cause| letter.is_some_and(|letter| letter.cause == cause))
            && (self.placed_in.is_empty() || self.placed_in.iter().any(|one| queues.contains(one)))
            && self.matches(line, event)
    }

    fn matches(&self, line: &Pipeline, event: &Event) -> bool {
        let parsed = line.admission.json(&event.source);
        let json = || -> Option<&Value> { parsed.value(event) };
        self.patterns.iter().all(|pattern| pattern.matches(event, json))
    }
}
