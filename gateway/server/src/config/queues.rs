//! The checks of queues, in the configuration and in the admin API.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::{DELAY_MS_MAX, LIFE_MS_MAX};
use sluicegate_core::queue::{Delivery, OnExpiry};
use sluicegate_core::retry::RetryPolicy;
use sluicegate_queue::{Hold, QueueConfig, Retain, TermsRules, WhenFull};

use super::check::{Checker, DEAD_LETTERS, places};
use super::scalars::Span;
use super::shape;

/// One thing that is wrong with a queue.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Where, as a JSON Pointer below the queue.
    pub(super) at: &'static str,
    /// A stable code.
    pub(super) code: &'static str,
    /// What, and what would be right.
    pub(super) message: String,
}

impl Checker<'_> {
    /// Every queue, and the one for dead letters if it is not configured.
    pub(super) fn queues(&mut self, queues: &BTreeMap<String, shape::Queue>) -> Vec<QueueConfig> {
        let implied = shape::Queue::default();
        let mut all = places("queues", queues);
        let dead_letters = DEAD_LETTERS.to_owned();
        if !queues.contains_key(&dead_letters) {
            all.push((String::new(), &dead_letters, &implied));
        }
        let configs: Vec<_> = all
            .iter()
            .filter_map(|(place, name, queue)| Some((place, self.queue(place, name, queue)?)))
            .collect();
        for (place, config) in &configs {
            let written = queues.get(config.name.as_str());
            let dead_letter = written.and_then(|queue| queue.dead_letter.as_deref());
            let named = dead_letter.is_some_and(|to| to != config.name.as_str());
            let all = configs.iter().map(|(_, config)| config);
            if let Some(wrong) = wrong_as_dead_letter_queue(config, named, all) {
                self.fault(&format!("{place}{}", wrong.at), wrong.code, wrong.message);
            }
        }
        configs.into_iter().map(|(_, config)| config).collect()
    }

    fn queue(&mut self, place: &str, name: &str, queue: &shape::Queue) -> Option<QueueConfig> {
        let own_name: Option<QueueName> = self.name(place, name);
        let dead_letter = queue.dead_letter.as_deref().unwrap_or(DEAD_LETTERS);
        let dead_letter = self.reference(&format!("{place}/dead_letter"), "queues", dead_letter);
        let mut wrongs = Vec::new();
        judge(queue, &mut wrongs);
        for wrong in wrongs {
            self.fault(&format!("{place}{}", wrong.at), wrong.code, wrong.message);
        }
        Some(config(own_name?, dead_letter?, queue))
    }
}

/// The configuration of a queue, as it is written.
pub(super) fn config(name: QueueName, dead_letter: QueueName, queue: &shape::Queue) -> QueueConfig {
    let limits = &queue.limits;
    let usual = QueueConfig::new(name, dead_letter);
    QueueConfig {
        retry: retry(&queue.retry),
        retain: retain(queue.retain.as_ref()),
        events_max: limits.events,
        bytes_max: limits.bytes.map(|size| size.0),
        when_full: match queue.when_full {
            shape::WhenFull::Reject => WhenFull::Reject,
            shape::WhenFull::DropOldest => WhenFull::DropOldest,
        },
        rate_max: limits.rate,
        terms: terms(queue),
        on_expiry: match queue.on_expiry {
            None | Some(shape::OnExpiry::Drop) => OnExpiry::Drop,
            Some(shape::OnExpiry::DeadLetter) => OnExpiry::DeadLetter,
        },
        delivery: match queue.paused {
            Some(true) => Delivery::Paused,
            _ => Delivery::Running,
        },
        delivery_rate: queue.delivery_rate,
        held_max: limits.held.unwrap_or(usual.held_max),
        ..usual
    }
}

fn retry(written: &shape::Retry) -> RetryPolicy {
    let usual = RetryPolicy::default();
    // Whoever says the one without the other means the one: the default gives way.
    let min = written.min.map(|span| span.0);
    let max = written.max.map(|span| span.0);
    RetryPolicy {
        attempts_max: written.attempts.unwrap_or(usual.attempts_max),
        wait_min: min.unwrap_or(max.map_or(usual.wait_min, |max| max.min(usual.wait_min))),
        wait_max: max.unwrap_or(min.map_or(usual.wait_max, |min| min.max(usual.wait_max))),
    }
}

fn retain(written: Option<&shape::Retain>) -> Retain {
    let Some(retain) = written else { return Retain::default() };
    Retain {
        time: retain.time.map(|span| span.0),
        bytes: retain.bytes.map(|size| size.0),
        hold: if retain.hold == Some(true) { Hold::Held } else { Hold::None },
    }
}

fn terms(queue: &shape::Queue) -> TermsRules {
    let field = |name: &Option<super::field::FieldName>| name.as_ref().map(|name| name.0.clone());
    TermsRules {
        order_by: field(&queue.order_by),
        priority_by: field(&queue.priority_by),
        delay: queue.delay.map_or(Duration::ZERO, |span| span.0),
        deliver_at: field(&queue.deliver_at),
        ttl: queue.ttl.map(|span| span.0),
        expires_at: field(&queue.expires_at),
    }
}

/// What makes no sense in one queue by itself.
pub(super) fn judge(queue: &shape::Queue, wrongs: &mut Vec<Wrong>) {
    let mut wrong = |at, code, message: &str| {
        wrongs.push(Wrong { at, code, message: message.to_owned() });
    };
    let retry = retry(&queue.retry);
    if retry.wait_min > retry.wait_max {
        wrong("/retry", "value_out_of_range", "the least wait is longer than the longest");
    }
    let retain = queue.retain.as_ref();
    for (at, span, most) in [
        ("/retry/min", queue.retry.min, DELAY_MS_MAX),
        ("/retry/max", queue.retry.max, DELAY_MS_MAX),
        ("/delay", queue.delay, DELAY_MS_MAX),
        ("/ttl", queue.ttl, LIFE_MS_MAX),
        ("/retain", retain.and_then(|retain| retain.time), LIFE_MS_MAX),
    ] {
        if span.is_some_and(|span| span.0 > Duration::from_millis(most)) {
            let most = Span(Duration::from_millis(most)).written();
            wrong(at, "value_out_of_range", &format!("this is at most {most}"));
        }
    }
    for (at, size) in [
        ("/limits/bytes", queue.limits.bytes),
        ("/retain/bytes", retain.and_then(|retain| retain.bytes)),
    ] {
        if size.is_some_and(|size| size.0 == 0) {
            wrong(at, "value_out_of_range", "a bound of no bytes lets nothing in");
        }
    }
    let unbounded = queue.limits.events.is_none() && queue.limits.bytes.is_none();
    if matches!(queue.when_full, shape::WhenFull::DropOldest) && unbounded {
        let message = "drop-oldest needs limits.events or limits.bytes: without, it is never full";
        wrong("/when_full", "value_missing", message);
    }
    judge_life(queue, &mut wrong);
}

fn judge_life(queue: &shape::Queue, wrong: &mut impl FnMut(&'static str, &'static str, &str)) {
    let delay = queue.delay.map_or(Duration::ZERO, |span| span.0);
    if let Some(ttl) = queue.ttl
        && ttl.0 <= delay
    {
        let message = "every event would expire before it may be delivered: ttl must be longer \
                       than delay, and than 0s";
        wrong("/ttl", "value_out_of_range", message);
    }
    if queue.on_expiry.is_some() && queue.ttl.is_none() && queue.expires_at.is_none() {
        let message = "on_expiry needs ttl or expires_at: without, no event expires";
        wrong("/on_expiry", "value_missing", message);
    }
}

/// What makes no sense in a queue because others give their events up to it: it keeps its own.
/// `names_another`: it says where its own events are to be given up to.
pub(super) fn wrong_as_dead_letter_queue<'c>(
    config: &QueueConfig,
    names_another: bool,
    all: impl Iterator<Item = &'c QueueConfig>,
) -> Option<Wrong> {
    let mut others = all.filter(|other| other.name != config.name);
    let user = others.find(|other| other.dead_letter == config.name)?;
    let user = &user.name;
    if config.on_expiry == OnExpiry::DeadLetter {
        let message = format!(
            "this is the dead-letter queue of {user}: what expires in it can only be dropped"
        );
        return Some(Wrong { at: "/on_expiry", code: "dead_letter_chain", message });
    }
    names_another.then(|| Wrong {
        at: "/dead_letter",
        code: "dead_letter_chain",
        message: format!(
            "this is the dead-letter queue of {user}: it keeps its own failing events, and cannot \
             give them up to another queue"
        ),
    })
}
