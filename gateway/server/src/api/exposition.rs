//! `GET /metrics`: the numbers of every room, by the names of `gateway/docs/METRICS.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_core::queue::QueueStats;
use sluicegate_core::seams::Engine;
use sluicegate_filters::{PluginMetrics, Series, SeriesValue};
use sluicegate_queue::Store;
use sluicegate_sources::http::{HttpMetrics, Response};

use super::health::Storage;
use super::reply;
use crate::metrics::{Page, SinkCounters, SourceCounters};
use crate::pipeline::Pipeline;

/// The rooms whose numbers are written out.
pub struct Rooms {
    /// The embedded engine.
    pub store: Arc<Store>,
    /// The line, for its filters.
    pub pipeline: Arc<Pipeline>,
    /// What came of each source's deliveries.
    pub sources: BTreeMap<SourceName, Arc<SourceCounters>>,
    /// What came of each sink's attempts.
    pub sinks: BTreeMap<SinkName, Arc<SinkCounters>>,
    /// The listener for webhooks.
    pub http: Arc<HttpMetrics>,
}

impl Rooms {
    /// What the store can do now.
    #[must_use]
    pub fn storage(&self) -> Storage {
        let store = self.store.metrics();
        match (store.poisoned, store.disk_full) {
            (true, _) => Storage::Failed,
            (false, true) => Storage::Full,
            (false, false) => Storage::Sound,
        }
    }
}

/// Microseconds written as seconds.
const US: f64 = 1e-6;

/// Nanoseconds written as seconds.
const NS: f64 = 1e-9;

pub(super) async fn page(rooms: &Rooms, engine: &dyn Engine) -> Response {
    let mut page = Page::default();
    write_sources(&mut page, rooms);
    write_http(&mut page, rooms);
    write_filters(&mut page, rooms);
    let queues = engine.stats().await;
    for (name, value) in QUEUE_GAUGES {
        for (queue, stats) in &queues {
            page.gauge(name, value.help, &[("queue", queue.as_str())], (value.of)(stats));
        }
    }
    for (name, value) in QUEUE_COUNTERS {
        for (queue, stats) in &queues {
            page.counter(name, value.help, &[("queue", queue.as_str())], (value.of)(stats));
        }
    }
    write_store(&mut page, rooms);
    write_sinks(&mut page, rooms);
    reply::text("text/plain; version=0.0.4; charset=utf-8", page.into_text())
}

struct Value<T> {
    help: &'static str,
    of: fn(&QueueStats) -> T,
}

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
const QUEUE_GAUGES: [(&str, Value<f64>); 7] = [
    ("sluicegate_queue_depth", Value { help: "Events not settled.", of: |s| s.depth as f64 }),
    ("sluicegate_queue_ready", Value { help: "Events ready.", of: |s| s.ready as f64 }),
    ("sluicegate_queue_leased", Value { help: "Events leased.", of: |s| s.leased as f64 }),
    ("sluicegate_queue_delayed", Value { help: "Events delayed.", of: |s| s.delayed as f64 }),
    ("sluicegate_queue_dead", Value { help: "Dead letters of it.", of: |s| s.dead as f64 }),
    ("sluicegate_queue_bytes", Value { help: "Bytes not settled.", of: |s| s.bytes as f64 }),
    (
        "sluicegate_queue_oldest_age_seconds",
        Value { help: "Age of the oldest event not settled.", of: |s| s.oldest_age.as_secs_f64() },
    ),
];

const QUEUE_COUNTERS: [(&str, Value<u64>); 5] = [
    ("sluicegate_queue_enqueued_total", Value { help: "Events placed.", of: |s| s.enqueued }),
    ("sluicegate_queue_acked_total", Value { help: "Events acknowledged.", of: |s| s.acked }),
    ("sluicegate_queue_requeued_total", Value { help: "Attempts put back.", of: |s| s.requeued }),
    (
        "sluicegate_queue_lease_expiries_total",
        Value { help: "Leases that ran out.", of: |s| s.lease_expiries },
    ),
    (
        "sluicegate_queue_dead_lettered_total",
        Value { help: "Events given up.", of: |s| s.dead_lettered },
    ),
];

fn write_sources(page: &mut Page, rooms: &Rooms) {
    const NAME: &str = "sluicegate_source_deliveries_total";
    const HELP: &str = "Deliveries by what came of them.";
    for (source, counters) in &rooms.sources {
        let source = source.as_str();
        let mut count = |result: &str, value| {
            page.counter(NAME, HELP, &[("source", source), ("result", result)], value);
        };
        count("accepted", counters.accepted.value());
        count("duplicate", counters.duplicates.value());
        for (code, refused) in counters.refusals() {
            count(code, refused);
        }
    }
    for (source, counters) in &rooms.sources {
        page.histogram(
            "sluicegate_source_line_seconds",
            "Time of a delivery through the line, the commit included.",
            &[("source", source.as_str())],
            &counters.line_us.snapshot(),
            US,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_http(page: &mut Page, rooms: &Rooms) {
    let http = rooms.http.snapshot();
    let open = http.connections_open as f64;
    page.gauge("sluicegate_http_connections", "Connections open.", &[], open);
    for (name, help, value) in [
        ("sluicegate_http_connections_total", "Connections taken.", http.connections_total),
        ("sluicegate_http_refused_total", "Connections over a bound.", http.connections_refused),
        ("sluicegate_http_timeouts_total", "Connections too slow.", http.timeouts),
        ("sluicegate_http_body_bytes_total", "Bytes of bodies.", http.body_bytes),
    ] {
        page.counter(name, help, &[], value);
    }
    for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(http.by_class) {
        page.counter("sluicegate_http_answers_total", "Answers.", &[("class", class)], count);
    }
}

fn write_store(page: &mut Page, rooms: &Rooms) {
    let store = rooms.store.metrics();
    let fsync = store.fsync_us;
    page.histogram("sluicegate_store_fsync_seconds", "Time of a flush.", &[], &fsync, US);
    let batch = store.batch_entries;
    page.histogram("sluicegate_store_batch_entries", "Entries in one flush.", &[], &batch, 1.0);
    page.counter("sluicegate_store_entries_total", "Entries written.", &[], store.entries);
    page.counter("sluicegate_store_bytes_total", "Bytes written.", &[], store.bytes);
    page.counter(
        "sluicegate_store_quarantined_total",
        "Bad entries set aside.",
        &[],
        store.quarantined,
    );
    #[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
    for (name, help, value) in [
        ("sluicegate_store_disk_bytes", "Bytes of segments on disk.", store.disk_bytes as f64),
        ("sluicegate_store_segments", "Segments on disk.", store.segments as f64),
        (
            "sluicegate_store_poisoned",
            "1 after a failed flush.",
            f64::from(u8::from(store.poisoned)),
        ),
        (
            "sluicegate_store_data_keys",
            "Data keys of the folder; 0: it is not encrypted.",
            store.data_keys as f64,
        ),
        (
            "sluicegate_store_disk_full",
            "1 while events are refused for want of free space.",
            f64::from(u8::from(store.disk_full)),
        ),
        (
            "sluicegate_store_recovery_seconds",
            "Time of the last recovery.",
            store.recovery_time.as_secs_f64(),
        ),
    ] {
        page.gauge(name, help, &[], value);
    }
}

fn write_sinks(page: &mut Page, rooms: &Rooms) {
    for (sink, counters) in &rooms.sinks {
        for (outcome, counter) in
            [("done", &counters.done), ("retry", &counters.retry), ("give_up", &counters.give_up)]
        {
            page.counter(
                "sluicegate_sink_attempts_total",
                "Attempts to hand over, by outcome.",
                &[("sink", sink.as_str()), ("outcome", outcome)],
                counter.value(),
            );
        }
    }
    for (sink, counters) in &rooms.sinks {
        page.histogram(
            "sluicegate_sink_attempt_seconds",
            "Time of one attempt.",
            &[("sink", sink.as_str())],
            &counters.attempt_us.snapshot(),
            US,
        );
    }
}

fn write_filters(page: &mut Page, rooms: &Rooms) {
    let plugins = rooms.pipeline.filters.metrics();
    let named: Vec<_> = plugins
        .iter()
        .map(|plugin| (plugin.plugin.as_str(), plugin.digest.to_string(), plugin))
        .collect();
    for (plugin, digest, numbers) in &named {
        let labels = [("plugin", *plugin), ("digest", digest.as_str())];
        page.counter("sluicegate_plugin_calls_total", "Calls.", &labels, numbers.calls);
    }
    for (plugin, digest, numbers) in &named {
        for (decision, count) in &numbers.decisions {
            let labels = [("plugin", *plugin), ("digest", digest.as_str()), ("decision", decision)];
            page.counter("sluicegate_plugin_decisions_total", "Decisions.", &labels, *count);
        }
    }
    for (plugin, digest, numbers) in &named {
        for (cause, count) in &numbers.failures {
            let labels =
                [("plugin", *plugin), ("digest", digest.as_str()), ("cause", cause.code())];
            page.counter("sluicegate_plugin_failures_total", "Failures.", &labels, *count);
        }
    }
    for (plugin, digest, numbers) in &named {
        let labels = [("plugin", *plugin), ("digest", digest.as_str())];
        let time = &numbers.call_time_ns;
        page.histogram("sluicegate_plugin_seconds", "Time of one call.", &labels, time, NS);
    }
    for (plugin, digest, numbers) in &named {
        let labels = [("plugin", *plugin), ("digest", digest.as_str())];
        page.counter(
            "sluicegate_plugin_instances_total",
            "Instances made.",
            &labels,
            numbers.starts,
        );
    }
    write_series(page, &plugins);
}

/// What plugins count for themselves: all counters under one name of ours, and all histograms.
fn write_series(page: &mut Page, plugins: &[PluginMetrics]) {
    let all = || plugins.iter().flat_map(|plugin| plugin.series.iter().map(move |s| (plugin, s)));
    for (plugin, series) in all() {
        if let SeriesValue::Counter(count) = &series.value {
            let labels = series_labels(plugin, series);
            page.counter(
                "sluicegate_plugin_custom_total",
                "Plugins' own counters.",
                &labels,
                *count,
            );
        }
    }
    for (plugin, series) in all() {
        if let SeriesValue::Histogram(values) = &series.value {
            let labels = series_labels(plugin, series);
            page.histogram(
                "sluicegate_plugin_custom",
                "Plugins' own values.",
                &labels,
                values,
                1.0,
            );
        }
    }
}

fn series_labels<'a>(plugin: &'a PluginMetrics, series: &'a Series) -> Vec<(&'a str, &'a str)> {
    let own = series.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    [("plugin", plugin.plugin.as_str()), ("series", series.name.as_str())]
        .into_iter()
        .chain(own)
        .collect()
}
