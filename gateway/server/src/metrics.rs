//! What the hall counts, and how every room's numbers are written for Prometheus.
//!
//! The names are those of `gateway/docs/METRICS.md`. Text format 0.0.4.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;

use sluicegate_core::metrics::{Counter, Histogram, HistogramSnapshot};

/// What came of the deliveries of one source.
#[derive(Debug, Default)]
pub struct SourceCounters {
    /// Events stored.
    pub accepted: Counter,
    /// Repeated deliveries, answered with the first receipt.
    pub duplicates: Counter,
    /// Handshakes answered.
    pub handshakes: Counter,
    /// Deliveries answered after their sender had ceased to wait.
    pub late: Counter,
    /// The way through the line, in microseconds.
    pub line_us: Histogram,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl SourceCounters {
    /// Counts a refusal of this code.
    pub fn refused(&self, code: &'static str) {
        if let Ok(mut refused) = self.refused.lock() {
            *refused.entry(code).or_default() += 1;
        }
    }

    /// Refusals by code.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refused.lock().map(|refused| refused.clone()).unwrap_or_default()
    }
}

/// What came of the attempts of one sink.
#[derive(Debug, Default)]
pub struct SinkCounters {
    /// Events handed over.
    pub done: Counter,
    /// Attempts to be made again.
    pub retry: Counter,
    /// Events given up.
    pub give_up: Counter,
    /// Time of one attempt, in microseconds.
    pub attempt_us: Histogram,
}

/// A page of metrics in the making.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    families: BTreeSet<&'static str>,
}

/// What a family of numbers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers that only grow.
    Counter,
    /// Numbers that go up and down.
    Gauge,
    /// Distributions.
    Histogram,
}

impl Page {
    /// Begins a family: it is on the page even if no sample of it follows.
    pub fn begin(&mut self, name: &'static str, help: &str, kind: Kind) {
        if self.families.insert(name) {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            // Writing to a String cannot fail.
            let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        }
    }

    /// A number that only grows.
    pub fn counter(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: u64) {
        self.begin(name, help, Kind::Counter);
        self.sample(name, "", labels, &value.to_string());
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.begin(name, help, Kind::Gauge);
        self.sample(name, "", labels, &value.to_string());
    }

    /// A distribution; each bound and the sum are multiplied by `unit` (0.000001 for microseconds
    /// written as seconds).
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        from: &HistogramSnapshot,
        unit: f64,
    ) {
        self.begin(name, help, Kind::Histogram);
        let mut count = 0;
        let highest = from.buckets.iter().rposition(|n| *n > 0).unwrap_or(0);
        for (power, in_bucket) in from.buckets.iter().enumerate().take(highest + 1) {
            count += in_bucket;
            #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
            let bound = (1_u64 << power) as f64 * unit;
            let mut labels = labels.to_vec();
            let bound = bound.to_string();
            labels.push(("le", &bound));
            self.sample(name, "_bucket", &labels, &count.to_string());
        }
        let mut all = labels.to_vec();
        all.push(("le", "+Inf"));
        self.sample(name, "_bucket", &all, &count.to_string());
        #[expect(clippy::cast_precision_loss, reason = "a sum is read as a float")]
        let sum = from.sum as f64 * unit;
        self.sample(name, "_sum", labels, &sum.to_string());
        self.sample(name, "_count", labels, &count.to_string());
    }

    /// The page as text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: &str) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        for (at, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.text.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_as_prometheus_has_it() {
        let mut page = Page::default();
        page.counter("a_total", "As.", &[("q", "x\"y\n")], 3);
        page.counter("a_total", "As.", &[("q", "z")], 4);
        let histogram = Histogram::default();
        histogram.observe(1);
        histogram.observe(3);
        page.histogram("b", "Bs.", &[], &histogram.snapshot(), 0.5);
        assert_eq!(
            page.into_text(),
            "# HELP a_total As.\n# TYPE a_total counter\n\
             a_total{q=\"x\\\"y\\n\"} 3\na_total{q=\"z\"} 4\n\
             # HELP b Bs.\n# TYPE b histogram\n\
             b_bucket{le=\"0.5\"} 1\nb_bucket{le=\"1\"} 1\nb_bucket{le=\"2\"} 2\n\
             b_bucket{le=\"+Inf\"} 2\nb_sum 2\nb_count 2\n"
        );
    }
}
