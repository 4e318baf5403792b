//! How a queue is treated: its configuration, with every name looked up.

use sluicegate_core::queue::{DeadLetters, Policy, QueueNumber, Room as Bounds};

use crate::config::{QueueConfig, Retain, WhenFull};
use crate::rate::Rate;
use crate::recovery::KEEP;
use crate::rooms::{Plan, Standing};
use crate::terms::TermsRules;

/// The plan of a queue. `dead_letter` is the number of its dead-letter queue; `None` if it keeps
/// its own failing events.
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
        held_max: config.held_max,
        drop_oldest: (config.when_full == WhenFull::DropOldest).then_some(bounds),
    };
    Plan {
        policy,
        bounds,
        rate: config.rate_max.map(Rate::new),
        retain: config.retain,
        terms: config.terms.clone(),
        dead_letter,
        when_full: config.when_full,
        standing: Standing::Configured,
    }
}

/// The plan of a queue that was removed: nothing is in it, and nothing comes.
pub(super) fn removed() -> Plan {
    Plan {
        policy: KEEP,
        bounds: Bounds { events_max: 0, bytes_max: 0 },
        rate: None,
        retain: Retain::default(),
        terms: TermsRules::default(),
        dead_letter: None,
        when_full: WhenFull::Reject,
        standing: Standing::Removed,
    }
}
