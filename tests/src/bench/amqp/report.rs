//! From the figures of single runs to what is printed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::options::Options;

/// Who empties the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A lapin consumer that only acknowledges.
    Plain,
    /// The gateway, which flushes first.
    Gateway,
}

/// The figures of one clean run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    /// CPU time of the process, user and system, for one message, in microseconds.
    pub(super) cpu_us: f64,
    /// Messages acknowledged in a second.
    pub(super) rate: f64,
    /// The most memory that the process had resident, in bytes.
    pub(super) resident_bytes: u64,
}

impl Who {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain consumer, acknowledges only",
            Self::Gateway => "gateway, fsynced commit first",
        }
    }
}

type Run = (Who, Figures);

fn median(runs: &[Run], who: Who, figure: impl Fn(&Figures) -> f64) -> f64 {
    let own = runs.iter().filter(|(other, _)| *other == who);
    let mut values: Vec<f64> = own.map(|(_, figures)| figure(figures)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Rows of medians: CPU, ratio to the plain consumer, rate, memory.
fn rows(runs: &[Run]) -> Vec<(Who, [f64; 4])> {
    let floor = median(runs, Who::Plain, |figures| figures.cpu_us);
    let row = |who| {
        let cpu = median(runs, who, |figures| figures.cpu_us);
        let rate = median(runs, who, |figures| figures.rate);
        let memory = median(runs, who, |figures| figures.resident_bytes as f64 / 1e6);
        (who, [cpu, cpu / floor, rate, memory])
    };
    [Who::Plain, Who::Gateway].map(row).to_vec()
}

pub(super) fn table(runs: &[Run], machine: &Value, options: &Options) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or_default();
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}, kernel {}, commit {}\n{} messages of {} bytes a run, {} runs (medians), prefetch {}; \
         the broker shares the cores\n\n\
         | consumer | CPU us/message | ratio | messages/s | memory MB |\n\
         | --- | --- | --- | --- | --- |",
        text("processor"),
        text("kernel"),
        text("commit"),
        options.messages,
        options.bytes,
        options.runs,
        options.prefetch
    );
    for (who, [cpu, ratio, rate, memory]) in rows(runs) {
        let _ =
            writeln!(out, "| {} | {cpu:.2} | {ratio:.2} | {rate:.0} | {memory:.0} |", who.name());
    }
    out
}

pub(super) fn json(runs: &[Run], machine: &Value, options: &Options) -> Value {
    let row = |(who, [cpu_us, ratio, rate, memory_mb]): (Who, [f64; 4])| {
        json!({
            "consumer": who.name(),
            "cpu_us": cpu_us,
            "ratio": ratio,
            "messages_per_second": rate,
            "resident_mb": memory_mb,
        })
    };
    let rows: Vec<Value> = rows(runs).into_iter().map(row).collect();
    json!({ "machine": machine, "messages": options.messages, "bytes": options.bytes,
            "runs": options.runs, "prefetch": options.prefetch, "rows": rows })
}
