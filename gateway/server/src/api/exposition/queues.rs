//! The numbers of queues.

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueStats;
use sluicegate_queue::QueueMetrics;

use crate::metrics::{Kind, Page};

/// One family of numbers, one for each queue.
struct Family<T> {
    name: &'static str,
    help: &'static str,
    of: fn(&QueueStats) -> T,
}

pub(super) fn write(
    page: &mut Page,
    stats: &[(QueueName, QueueStats)],
    metrics: &[(QueueName, QueueMetrics)],
) {
    for Family { name, help, of } in GAUGES {
        page.begin(name, help, Kind::Gauge);
        for (queue, stats) in stats {
            page.gauge(name, help, &[("queue", queue.as_str())], of(stats));
        }
    }
    for Family { name, help, of } in COUNTERS {
        page.begin(name, help, Kind::Counter);
        for (queue, stats) in stats {
            page.counter(name, help, &[("queue", queue.as_str())], of(stats));
        }
    }
    let (name, help) = (
        "sluicegate_queue_latency_seconds",
        "From the receipt of an event to its acknowledgement.",
    );
    page.begin(name, help, Kind::Histogram);
    for (queue, metrics) in metrics {
        page.histogram(name, help, &[("queue", queue.as_str())], &metrics.latency_ms, MS);
    }
    let (name, help) = ("sluicegate_queue_event_bytes", "Sizes of the events placed.");
    page.begin(name, help, Kind::Histogram);
    for (queue, metrics) in metrics {
        page.histogram(name, help, &[("queue", queue.as_str())], &metrics.arrival_bytes, 1.0);
    }
}

/// Milliseconds written as seconds.
const MS: f64 = 1e-3;

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
const GAUGES: [Family<f64>; 8] = [
    Family {
        name: "sluicegate_queue_depth",
        help: "Events not settled.",
        of: |stats| stats.depth as f64,
    },
    Family {
        name: "sluicegate_queue_ready",
        help: "Events ready.",
        of: |stats| stats.ready as f64,
    },
    Family {
        name: "sluicegate_queue_leased",
        help: "Events leased.",
        of: |stats| stats.leased as f64,
    },
    Family {
        name: "sluicegate_queue_delayed",
        help: "Events delayed.",
        of: |stats| stats.delayed as f64,
    },
    Family {
        name: "sluicegate_queue_blocked",
        help: "Events that wait for another of their ordering key.",
        of: |stats| stats.blocked as f64,
    },
    Family {
        name: "sluicegate_queue_dead",
        help: "Its events that lie in its dead-letter queue.",
        of: |stats| stats.dead as f64,
    },
    Family {
        name: "sluicegate_queue_bytes",
        help: "Bytes of events not settled.",
        of: |stats| stats.bytes as f64,
    },
    Family {
        name: "sluicegate_queue_oldest_age_seconds",
        help: "Age of the oldest event not settled.",
        of: |stats| stats.oldest_age.as_secs_f64(),
    },
];

const COUNTERS: [Family<u64>; 12] = [
    Family {
        name: "sluicegate_queue_enqueued_total",
        help: "Events placed.",
        of: |stats| stats.enqueued,
    },
    Family {
        name: "sluicegate_queue_handed_out_total",
        help: "Events handed out to consumers.",
        of: |stats| stats.handed_out,
    },
    Family {
        name: "sluicegate_queue_redelivered_total",
        help: "Events handed out that had been handed out before.",
        of: |stats| stats.redelivered,
    },
    Family {
        name: "sluicegate_queue_acked_total",
        help: "Events acknowledged.",
        of: |stats| stats.acked,
    },
    Family {
        name: "sluicegate_queue_requeued_total",
        help: "Attempts that failed and were put back.",
        of: |stats| stats.requeued,
    },
    Family {
        name: "sluicegate_queue_lease_expiries_total",
        help: "Leases that ran out.",
        of: |stats| stats.lease_expiries,
    },
    Family {
        name: "sluicegate_queue_dead_lettered_total",
        help: "Events given up.",
        of: |stats| stats.dead_lettered,
    },
    Family {
        name: "sluicegate_queue_redriven_total",
        help: "Dead letters moved back from it.",
        of: |stats| stats.redriven,
    },
    Family {
        name: "sluicegate_queue_expired_total",
        help: "Events dropped because their time to live was over.",
        of: |stats| stats.expired,
    },
    Family {
        name: "sluicegate_queue_overflowed_total",
        help: "Events dropped because the queue was full.",
        of: |stats| stats.overflowed,
    },
    Family {
        name: "sluicegate_queue_purged_total",
        help: "Events dropped by a purge.",
        of: |stats| stats.purged,
    },
    Family {
        name: "sluicegate_queue_lost_total",
        help: "Events whose bytes in the log were damaged.",
        of: |stats| stats.lost,
    },
];
