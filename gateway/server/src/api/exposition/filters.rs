//! The numbers of the versions of plugins, and what plugins count for themselves.
//!
//! A version in shadow has the label `shadow` beside those of all others.

use sluicegate_filters::{PluginMetrics, Series, SeriesValue, SlotView};

use crate::metrics::{Kind, Page};
use crate::origins::Watch;

/// A version and the labels that all its numbers have.
struct Version {
    digest: String,
    numbers: PluginMetrics,
}

/// Writes the numbers of every version that is in place.
pub(super) fn write(page: &mut Page, views: &[SlotView]) {
    let versions: Vec<Version> = views.iter().flat_map(versions).collect();
    for (name, help, of) in COUNTERS {
        page.begin(name, help, Kind::Counter);
        for version in &versions {
            page.counter(name, help, &version.labels(&[]), of(&version.numbers));
        }
    }
    let (name, help) = ("sluicegate_plugin_decisions_total", "Decisions.");
    page.begin(name, help, Kind::Counter);
    for version in &versions {
        for (decision, count) in &version.numbers.decisions {
            page.counter(name, help, &version.labels(&[("decision", *decision)]), *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_failures_total", "Failures.");
    page.begin(name, help, Kind::Counter);
    for version in &versions {
        for (cause, count) in &version.numbers.failures {
            page.counter(name, help, &version.labels(&[("cause", cause.code())]), *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_seconds", "Time of one call.");
    page.begin(name, help, Kind::Histogram);
    for version in &versions {
        page.histogram(name, help, &version.labels(&[]), &version.numbers.call_time_ns, NS);
    }
    for (name, help, of) in GAUGES {
        page.begin(name, help, Kind::Gauge);
        for version in &versions {
            page.gauge(name, help, &version.labels(&[]), of(&version.numbers) as f64);
        }
    }
    write_series(page, &versions);
}

/// A counter of a version.
type Counter = (&'static str, &'static str, fn(&PluginMetrics) -> u64);

/// A number of a version that goes up and down.
type Gauge = (&'static str, &'static str, fn(&PluginMetrics) -> usize);

const COUNTERS: [Counter; 6] = [
    ("sluicegate_plugin_calls_total", "Calls.", |numbers| numbers.calls),
    ("sluicegate_plugin_instances_total", "Instances made.", |numbers| numbers.starts),
    ("sluicegate_plugin_recycled_total", "Instances replaced.", |numbers| numbers.recycled),
    ("sluicegate_plugin_retries_total", "Calls tried again.", |numbers| numbers.retries),
    ("sluicegate_plugin_log_dropped_total", "Log lines over the rate.", |numbers| {
        numbers.log_lines_dropped
    }),
    ("sluicegate_plugin_state_refused_total", "Writes over the state's quota.", |numbers| {
        numbers.state_refused
    }),
];

const GAUGES: [Gauge; 2] = [
    ("sluicegate_plugin_instances", "Instances now.", |numbers| numbers.instances),
    ("sluicegate_plugin_memory_max_bytes", "The most that one instance had.", |numbers| {
        numbers.memory_bytes_max
    }),
];

fn versions(view: &SlotView) -> Vec<Version> {
    let all = [Some(&view.current), view.previous.as_ref(), view.shadow.as_ref()];
    let version = |numbers: PluginMetrics| Version { digest: numbers.digest.to_string(), numbers };
    all.into_iter().flatten().map(|plugin| version(plugin.metrics())).collect()
}

impl Version {
    fn labels<'a>(&'a self, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let who = [("plugin", self.numbers.plugin.as_str()), ("digest", self.digest.as_str())];
        let shadow = self.numbers.is_shadow.then_some(("shadow", "true"));
        who.into_iter().chain(shadow).chain(own.iter().copied()).collect()
    }
}

/// What came of new versions in watched places.
pub(super) fn write_watch(page: &mut Page, watch: &Watch) {
    let name = "sluicegate_plugin_changes_total";
    let help = "New versions of plugins in watched places, by what came of them.";
    page.begin(name, help, Kind::Counter);
    for (plugin, counters) in watch.counters() {
        for (result, count) in [("taken", &counters.taken), ("refused", &counters.refused)] {
            let labels = [("plugin", plugin.as_str()), ("result", result)];
            page.counter(name, help, &labels, count.value());
        }
    }
}

/// What plugins count for themselves: all counters under one name of ours, and all histograms.
fn write_series(page: &mut Page, versions: &[Version]) {
    let all = || versions.iter().flat_map(|one| one.numbers.series.iter().map(move |s| (one, s)));
    let (name, help) = ("sluicegate_plugin_custom_total", "Plugins' own counters.");
    page.begin(name, help, Kind::Counter);
    for (version, series) in all() {
        if let SeriesValue::Counter(count) = &series.value {
            page.counter(name, help, &series_labels(version, series), *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_custom", "Plugins' own values.");
    page.begin(name, help, Kind::Histogram);
    for (version, series) in all() {
        if let SeriesValue::Histogram(values) = &series.value {
            page.histogram(name, help, &series_labels(version, series), values, 1.0);
        }
    }
}

fn series_labels<'a>(version: &'a Version, series: &'a Series) -> Vec<(&'a str, &'a str)> {
    let own = series.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own: Vec<_> = std::iter::once(("series", series.name.as_str())).chain(own).collect();
    version.labels(&own)
}

/// Nanoseconds written as seconds.
const NS: f64 = 1e-9;
