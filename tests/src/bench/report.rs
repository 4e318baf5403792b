//! From the figures of single runs to what is printed.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::options::Options;
use super::variants::Variant;

/// The figures of one clean run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Server CPU time, user and system, for one event, in microseconds.
    pub cpu_us: f64,
    /// The same, divided by that of the bare hyper server in the same round.
    pub ratio: f64,
    /// Events per second.
    pub rate: f64,
    /// Median latency.
    pub p50: Duration,
    /// Latency that one event in a hundred exceeds.
    pub p99: Duration,
    /// The most memory that the server had resident, in bytes.
    pub resident_bytes: u64,
}

/// A row: a variant and its runs.
pub type Row = (Variant, Vec<Figures>);

/// The median of what `figure` picks.
fn median(runs: &[Figures], figure: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(figure).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn extremes(runs: &[Figures], figure: impl Fn(&Figures) -> f64) -> (f64, f64) {
    let values = runs.iter().map(figure);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

fn us(value: Duration) -> f64 {
    value.as_secs_f64() * 1e6
}

/// The table for people, in Markdown.
#[must_use]
pub fn table(rows: &[Row], machine: &Value, options: &Options) -> String {
    let mut out = String::new();
    let text = |name: &str| machine[name].as_str().unwrap_or_default();
    let mode = options.rate.map_or("closed loop".into(), |rate| format!("{rate} events/s"));
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}, {} cores, kernel {}, {}, commit {}\n\
         {} events of 1 KB a run, {} runs (medians), {} connections, {mode}; the load generator \
         shares the cores\n",
        text("processor"),
        machine["cores"],
        text("kernel"),
        text("file_system"),
        text("commit"),
        options.events,
        options.runs,
        options.connections,
    );
    out.push_str(
        "| line | fsync | CPU us/event (least-most) | x floor | events/s | p50 us | p99 us \
         | RSS MB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (variant, runs) in rows {
        let (low, high) = extremes(runs, |run| run.cpu_us);
        let _ = writeln!(
            out,
            "| {} | {} | {:.2} ({low:.2}-{high:.2}) | {:.2} | {:.0} | {:.0} | {:.0} | {:.1} |",
            variant.name(),
            variant.fsync(),
            median(runs, |run| run.cpu_us),
            median(runs, |run| run.ratio),
            median(runs, |run| run.rate),
            median(runs, |run| us(run.p50)),
            median(runs, |run| us(run.p99)),
            median(runs, |run| run.resident_bytes as f64 / 1e6),
        );
    }
    out
}

/// The same for machines, with every run.
#[must_use]
pub fn json(rows: &[Row], machine: &Value, options: &Options) -> Value {
    let run = |run: &Figures| {
        json!({
            "cpu_us_per_event": run.cpu_us,
            "ratio_to_floor": run.ratio,
            "events_per_second": run.rate,
            "p50_us": us(run.p50),
            "p99_us": us(run.p99),
            "resident_bytes_max": run.resident_bytes,
        })
    };
    let row = |(variant, runs): &Row| {
        json!({
            "line": variant.name(),
            "fsync": variant.fsync(),
            "cpu_us_per_event": median(runs, |run| run.cpu_us),
            "ratio_to_floor": median(runs, |run| run.ratio),
            "runs": runs.iter().map(run).collect::<Vec<_>>(),
        })
    };
    json!({
        "machine": machine,
        "events": options.events,
        "payload_bytes": super::events::PAYLOAD_BYTES,
        "connections": options.connections,
        "rate": options.rate,
        "lines": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_extremes_are_printed() {
        let run = |cpu_us| Figures {
            cpu_us,
            ratio: cpu_us / 4.0,
            rate: 1000.0,
            p50: Duration::from_micros(100),
            p99: Duration::from_micros(900),
            resident_bytes: 50_000_000,
        };
        let rows = [(Variant::Hmac, vec![run(9.0), run(8.0), run(30.0)])];
        let table = table(&rows, &json!({ "cores": 2 }), &Options::default());
        assert!(table.contains("| + HMAC | interval 100ms | 9.00 (8.00-30.00) | 2.25 | 1000 |"));
        let json = json(&rows, &json!({}), &Options::default());
        assert_eq!(json["lines"][0]["ratio_to_floor"], 2.25);
    }
}
