//! The numbers of AMQP sources and sinks, and what of them readiness tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_sinks::amqp::AmqpSinkMetrics;
use sluicegate_sources::amqp::{AmqpMetrics, QueueMetrics, Standing};

use crate::metrics::{Kind, Page};

/// The sources and sinks that speak to AMQP brokers.
#[derive(Debug, Default)]
pub struct Amqp {
    /// The sources.
    pub sources: BTreeMap<SourceName, Arc<AmqpMetrics>>,
    /// The sinks.
    pub sinks: BTreeMap<SinkName, Arc<AmqpSinkMetrics>>,
}

impl Amqp {
    /// What is not as it should be: a code and a sentence for each source and sink. No address and
    /// no word of a broker: everyone may ask.
    #[must_use]
    pub fn degraded(&self) -> Vec<(&'static str, String)> {
        let is_down = |queue: &QueueMetrics| {
            matches!(queue.standing().0, Standing::Connecting | Standing::NoQueue)
        };
        let sources = self
            .sources
            .iter()
            .filter(|(_, source)| source.queues().any(|(_, queue)| is_down(queue)));
        let sources = sources.map(|(name, _)| {
            (SOURCE_DOWN, format!("source {name} does not consume from all of its queues"))
        });
        let waits = |queue: &QueueMetrics| queue.unplaced_now() > 0;
        let rejecting = self
            .sources
            .iter()
            .filter(|(_, source)| source.queues().any(|(_, queue)| waits(queue)));
        let rejecting = rejecting.map(|(name, _)| {
            (
                REJECTER_DOWN,
                format!("source {name} cannot put refused messages where on_reject says"),
            )
        });
        let sinks = self.sinks.iter().filter(|(_, sink)| !sink.is_connected());
        let sinks = sinks.map(|(name, _)| (SINK_DOWN, format!("sink {name} has no connection")));
        let blocked = self.sinks.iter().filter(|(_, sink)| sink.is_blocked());
        let blocked = blocked.map(|(name, _)| {
            (SINK_BLOCKED, format!("the broker of sink {name} takes no messages for now"))
        });
        sources.chain(rejecting).chain(sinks).chain(blocked).collect()
    }
}

const SOURCE_DOWN: &str = "amqp_source_down";
const REJECTER_DOWN: &str = "amqp_on_reject_down";
const SINK_DOWN: &str = "amqp_sink_down";
const SINK_BLOCKED: &str = "amqp_sink_blocked";

pub(super) fn write(page: &mut Page, amqp: &Amqp) {
    write_standings(page, amqp);
    write_queues(page, amqp);
    write_sources(page, amqp);
    write_sinks(page, amqp);
}

fn write_standings(page: &mut Page, amqp: &Amqp) {
    let (name, help) = ("sluicegate_amqp_source_standing", "1 for how each queue stands.");
    page.begin(name, help, Kind::Gauge);
    for (source, metrics) in &amqp.sources {
        for (queue, numbers) in metrics.queues() {
            let now = numbers.standing().0;
            for standing in Standing::ALL {
                let labels =
                    [("source", source.as_str()), ("queue", queue), ("standing", standing.word())];
                page.gauge(name, help, &labels, f64::from(u8::from(now == standing)));
            }
        }
    }
}

/// A counter of a queue.
type QueueCounter = (&'static str, &'static str, fn(&QueueMetrics) -> u64);

const QUEUE_COUNTERS: [QueueCounter; 9] = [
    ("sluicegate_amqp_source_messages_total", "Messages that came.", |q| q.messages.value()),
    ("sluicegate_amqp_source_redelivered_total", "Of them, handed out before.", |q| {
        q.redelivered.value()
    }),
    ("sluicegate_amqp_source_acked_total", "Messages acknowledged.", |q| q.acked.value()),
    ("sluicegate_amqp_source_rejected_total", "Messages rejected.", |q| q.rejected.value()),
    ("sluicegate_amqp_source_unreadable_total", "Messages that cannot be read.", |q| {
        q.refused.value()
    }),
    ("sluicegate_amqp_source_republished_total", "Refused messages published again.", |q| {
        q.republished.value()
    }),
    ("sluicegate_amqp_source_on_reject_failed_total", "Refused messages not placed.", |q| {
        q.unplaced_tries.value()
    }),
    ("sluicegate_amqp_source_retried_total", "Tries put off or held.", |q| q.retried.value()),
    ("sluicegate_amqp_source_abandoned_total", "Messages whose channel was lost.", |q| {
        q.abandoned.value()
    }),
];

const QUEUE_LEVELS: [QueueCounter; 2] = [
    ("sluicegate_amqp_source_unsettled", "Messages without an answer yet.", |q| q.unsettled()),
    ("sluicegate_amqp_source_on_reject_waiting", "Refused messages that wait.", |q| {
        q.unplaced_now()
    }),
];

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_queues(page: &mut Page, amqp: &Amqp) {
    for (name, help, of) in QUEUE_COUNTERS {
        page.begin(name, help, Kind::Counter);
        for (source, metrics) in &amqp.sources {
            for (queue, numbers) in metrics.queues() {
                let labels = [("source", source.as_str()), ("queue", queue)];
                page.counter(name, help, &labels, of(numbers));
            }
        }
    }
    for (name, help, of) in QUEUE_LEVELS {
        page.begin(name, help, Kind::Gauge);
        for (source, metrics) in &amqp.sources {
            for (queue, numbers) in metrics.queues() {
                let labels = [("source", source.as_str()), ("queue", queue)];
                page.gauge(name, help, &labels, of(numbers) as f64);
            }
        }
    }
}

fn write_sources(page: &mut Page, amqp: &Amqp) {
    let (name, help) = ("sluicegate_amqp_source_connections_total", "Connections opened.");
    page.begin(name, help, Kind::Counter);
    for (source, metrics) in &amqp.sources {
        page.counter(name, help, &[("source", source.as_str())], metrics.connections.value());
    }
    let (name, help) = ("sluicegate_amqp_source_blocked", "1 if the broker blocks it.");
    page.begin(name, help, Kind::Gauge);
    for (source, metrics) in &amqp.sources {
        let blocked = f64::from(u8::from(metrics.is_blocked()));
        page.gauge(name, help, &[("source", source.as_str())], blocked);
    }
    let (name, help) = ("sluicegate_amqp_source_interruptions_total", "Interruptions by cause.");
    page.begin(name, help, Kind::Counter);
    for (source, metrics) in &amqp.sources {
        for (cause, count) in metrics.interruptions() {
            page.counter(name, help, &[("source", source.as_str()), ("cause", cause)], count);
        }
    }
}

/// A counter of a sink.
type SinkCounter = (&'static str, &'static str, fn(&AmqpSinkMetrics) -> u64);

const SINK_COUNTERS: [SinkCounter; 4] = [
    ("sluicegate_amqp_sink_connections_total", "Connections opened.", |s| s.connections.value()),
    ("sluicegate_amqp_sink_returned_total", "Messages that no queue was bound for.", |s| {
        s.returned.value()
    }),
    ("sluicegate_amqp_sink_nacked_total", "Messages that the broker refused.", |s| {
        s.nacked.value()
    }),
    ("sluicegate_amqp_sink_unconfirmed_total", "Messages of which nothing was heard.", |s| {
        s.unconfirmed.value()
    }),
];

/// A state of a sink.
type SinkState = (&'static str, &'static str, fn(&AmqpSinkMetrics) -> bool);

const SINK_STATES: [SinkState; 2] = [
    ("sluicegate_amqp_sink_connected", "1 if there is a connection.", |s| s.is_connected()),
    ("sluicegate_amqp_sink_blocked", "1 if the broker takes no messages.", |s| s.is_blocked()),
];

fn write_sinks(page: &mut Page, amqp: &Amqp) {
    for (name, help, of) in SINK_COUNTERS {
        page.begin(name, help, Kind::Counter);
        for (sink, metrics) in &amqp.sinks {
            page.counter(name, help, &[("sink", sink.as_str())], of(metrics));
        }
    }
    for (name, help, of) in SINK_STATES {
        page.begin(name, help, Kind::Gauge);
        for (sink, metrics) in &amqp.sinks {
            let is = f64::from(u8::from(of(metrics)));
            page.gauge(name, help, &[("sink", sink.as_str())], is);
        }
    }
}
