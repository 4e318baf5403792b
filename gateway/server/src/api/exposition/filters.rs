//! The numbers of plugins, and what plugins count for themselves.

use sluicegate_filters::{PluginMetrics, Series, SeriesValue};

use crate::metrics::{Kind, Page};

pub(super) fn write(page: &mut Page, plugins: &[PluginMetrics]) {
    let named: Vec<_> = plugins
        .iter()
        .map(|plugin| (plugin.plugin.as_str(), plugin.digest.to_string(), plugin))
        .collect();
    let (name, help) = ("sluicegate_plugin_calls_total", "Calls.");
    page.begin(name, help, Kind::Counter);
    for (plugin, digest, numbers) in &named {
        page.counter(name, help, &[("plugin", *plugin), ("digest", digest)], numbers.calls);
    }
    let (name, help) = ("sluicegate_plugin_decisions_total", "Decisions.");
    page.begin(name, help, Kind::Counter);
    for (plugin, digest, numbers) in &named {
        for (decision, count) in &numbers.decisions {
            let labels = [("plugin", *plugin), ("digest", digest.as_str()), ("decision", decision)];
            page.counter(name, help, &labels, *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_failures_total", "Failures.");
    page.begin(name, help, Kind::Counter);
    for (plugin, digest, numbers) in &named {
        for (cause, count) in &numbers.failures {
            let labels =
                [("plugin", *plugin), ("digest", digest.as_str()), ("cause", cause.code())];
            page.counter(name, help, &labels, *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_seconds", "Time of one call.");
    page.begin(name, help, Kind::Histogram);
    for (plugin, digest, numbers) in &named {
        let labels = [("plugin", *plugin), ("digest", digest.as_str())];
        let time = &numbers.call_time_ns;
        page.histogram(name, help, &labels, time, NS);
    }
    let (name, help) = ("sluicegate_plugin_instances_total", "Instances made.");
    page.begin(name, help, Kind::Counter);
    for (plugin, digest, numbers) in &named {
        page.counter(name, help, &[("plugin", *plugin), ("digest", digest)], numbers.starts);
    }
    let (name, help) = ("sluicegate_plugin_state_refused_total", "Writes over the state's quota.");
    page.begin(name, help, Kind::Counter);
    for (plugin, digest, numbers) in &named {
        page.counter(name, help, &[("plugin", *plugin), ("digest", digest)], numbers.state_refused);
    }
    write_series(page, plugins);
}

/// What plugins count for themselves: all counters under one name of ours, and all histograms.
fn write_series(page: &mut Page, plugins: &[PluginMetrics]) {
    let all = || plugins.iter().flat_map(|plugin| plugin.series.iter().map(move |s| (plugin, s)));
    let (name, help) = ("sluicegate_plugin_custom_total", "Plugins' own counters.");
    page.begin(name, help, Kind::Counter);
    for (plugin, series) in all() {
        if let SeriesValue::Counter(count) = &series.value {
            let labels = series_labels(plugin, series);
            page.counter(name, help, &labels, *count);
        }
    }
    let (name, help) = ("sluicegate_plugin_custom", "Plugins' own values.");
    page.begin(name, help, Kind::Histogram);
    for (plugin, series) in all() {
        if let SeriesValue::Histogram(values) = &series.value {
            let labels = series_labels(plugin, series);
            page.histogram(name, help, &labels, values, 1.0);
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

/// Nanoseconds written as seconds.
const NS: f64 = 1e-9;
