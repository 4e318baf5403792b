//! The numbers of refused deliveries.

use crate::metrics::{Kind, Page};
use crate::refused::Refused;

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
pub(super) async fn write(page: &mut Page, refused: &Refused) {
    let mut counters: Vec<_> = refused.counters().collect();
    counters.sort_by_key(|(source, _)| *source);
    let (name, help) = ("sluicegate_refused_kept_total", "Refused deliveries that were kept.");
    page.begin(name, help, Kind::Counter);
    for (source, counters) in &counters {
        page.counter(name, help, &[("source", source.as_str())], counters.kept.value());
    }
    let name = "sluicegate_refused_dropped_total";
    let help = "Refused deliveries that were not kept, by why.";
    page.begin(name, help, Kind::Counter);
    for (source, counters) in &counters {
        for (why, count) in counters.dropped() {
            page.counter(name, help, &[("source", source.as_str()), ("why", why)], count);
        }
    }
    let (name, help) = ("sluicegate_refused_released_total", "Refused deliveries released.");
    page.begin(name, help, Kind::Counter);
    for (source, counters) in &counters {
        page.counter(name, help, &[("source", source.as_str())], counters.released.value());
    }
    // Without the numbers of the disk there are still the counts.
    let usage = refused.usage().await.unwrap_or_default();
    for (name, help) in [
        ("sluicegate_refused_deliveries", "Refused deliveries that are kept now."),
        ("sluicegate_refused_bytes", "Bytes of their files."),
    ] {
        page.begin(name, help, Kind::Gauge);
        for (source, used) in &usage {
            let value = if name.ends_with("bytes") { used.bytes } else { used.events };
            page.gauge(name, help, &[("source", source.as_str())], value as f64);
        }
    }
    let (name, help) =
        ("sluicegate_refused_evicted_total", "Kept deliveries that went for a bound.");
    page.begin(name, help, Kind::Counter);
    for (source, used) in &usage {
        for (class, count) in [("likely", used.evicted), ("unsigned", used.evicted_unsigned)] {
            page.counter(name, help, &[("source", source.as_str()), ("class", class)], count);
        }
    }
    let (name, help) =
        ("sluicegate_refused_damaged_total", "Kept deliveries that could not be read.");
    page.begin(name, help, Kind::Counter);
    for (source, used) in &usage {
        page.counter(name, help, &[("source", source.as_str())], used.damaged);
    }
}
