//! From the figures of single runs to what is printed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::figures::{Figures, name};
use super::options::Options;
use super::payload::PAYLOAD_BYTES;
use super::rows::Row;
use super::targets;

/// A row with its runs, or why it has none.
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) runs: Vec<Figures>,
    pub(super) faults: Vec<String>,
}

/// The columns of the table: a heading, a figure, decimals.
const COLUMNS: [(&str, &str, usize); 11] = [
    ("events/s", name::RATE, 0),
    ("p50 us", name::P50, 0),
    ("p99 us", name::P99, 0),
    ("max us", name::MAX, 0),
    ("CPU us", name::CPU, 1),
    ("server CPU us", name::SERVER_CPU, 1),
    ("others' CPU %", name::OTHERS, 0),
    ("flushes/s", name::FLUSHES, 0),
    ("at the disk/s", name::DISK_FLUSHES, 0),
    ("flush us", name::FLUSH_MEAN, 0),
    ("flush p99 us", name::FLUSH_P99, 0),
];

fn runs_of(all: &[Measured], row: &str) -> Vec<Figures> {
    let found = all.iter().find(|measured| measured.row.name == row);
    found.filter(|found| found.faults.is_empty()).map_or(Vec::new(), |found| found.runs.clone())
}

/// The tables for people, in Markdown.
pub(super) fn table(all: &[Measured], machine: &Value, options: &Options) -> String {
    let mut out = String::new();
    let text = |name: &str| machine[name].as_str().unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}, {} cores, kernel {}, {} on {}, commit {}; RabbitMQ {}, Redis {}\n\
         {PAYLOAD_BYTES} bytes of payload, fsync always, {} runs of {} s (medians); the load \
         shares the cores\n",
        text("processor"),
        machine["cores"],
        text("kernel"),
        text("file_system"),
        text("disk"),
        text("commit"),
        text("rabbitmq"),
        text("redis"),
        options.runs,
        options.seconds,
    );
    let headings = COLUMNS.map(|(heading, ..)| heading).join(" | ");
    let _ = writeln!(out, "| row | {headings} |\n|{}", " --- |".repeat(COLUMNS.len() + 1));
    for measured in all.iter().filter(|measured| !measured.runs.is_empty()) {
        let medians = Figures::medians(&measured.runs);
        if medians.get(name::RATE).is_none() {
            continue;
        }
        let cells = COLUMNS.map(|(_, name, decimals)| {
            medians.get(name).map_or(String::new(), |value| format!("{value:.decimals$}"))
        });
        let _ = writeln!(out, "| {} | {} |", measured.row.name, cells.join(" | "));
    }
    out.push_str(&states(all));
    out.push_str(&verdicts(all));
    for measured in all {
        for fault in &measured.faults {
            let _ = writeln!(out, "NO FIGURE: {}: {fault}", measured.row.name);
        }
    }
    out
}

/// Rows that are not rates: figure by figure.
fn states(all: &[Measured]) -> String {
    let mut out = String::new();
    for measured in all {
        let medians = Figures::medians(&measured.runs);
        if medians.get(name::RATE).is_some() || measured.runs.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n| {} | |\n| --- | --- |", measured.row.name);
        for (name, value) in medians.iter() {
            let _ = writeln!(out, "| {name} | {value:.2} |");
        }
    }
    out
}

fn verdicts(all: &[Measured]) -> String {
    let mut out = String::from("\n| target | measured | |\n| --- | --- | --- |\n");
    for target in targets::ALL {
        let Some(verdict) = target.judge(|row| runs_of(all, row)) else { continue };
        let word = if verdict.held { "held" } else { "MISSED" };
        let _ = writeln!(out, "| {} | {:.2} | {word} |", verdict.text, verdict.measured);
    }
    out
}

/// The same for machines, with every run.
pub(super) fn json(all: &[Measured], machine: &Value, options: &Options) -> Value {
    let row = |measured: &Measured| {
        json!({
            "row": measured.row.name,
            "medians": Figures::medians(&measured.runs),
            "runs": measured.runs,
            "faults": measured.faults,
        })
    };
    let verdicts = targets::ALL.iter().filter_map(|target| target.judge(|row| runs_of(all, row)));
    json!({
        "machine": machine,
        "payload_bytes": PAYLOAD_BYTES,
        "seconds": options.seconds,
        "rows": all.iter().map(row).collect::<Vec<_>>(),
        "targets": verdicts.map(|verdict| verdict.json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::queue::rows;

    fn measured(at: usize, rate: f64, faults: &[&str]) -> Measured {
        let mut figures = Figures::default();
        figures.set(name::RATE, rate);
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        Measured { row: rows::ALL[at], runs: vec![figures], faults }
    }

    #[test]
    fn figures_and_targets_are_printed() {
        let all = [measured(0, 200_000.0, &[]), measured(1, 150_000.0, &[])];
        let table = table(&all, &json!({ "cores": 2 }), &Options::default());
        assert!(table.contains("| raw/64 | 200000 |"), "{table}");
        assert!(table.contains("at least 0.7 x raw/64 | 0.75 | held |"), "{table}");
        let json = json(&all, &json!({}), &Options::default());
        assert_eq!(json["rows"][1]["medians"]["events_per_second"], 150_000.0);
        assert_eq!(json["targets"][0]["held"], true);
    }

    #[test]
    fn a_row_with_a_fault_is_held_against_nothing() {
        let all = [measured(0, 200_000.0, &[]), measured(1, 1.0, &["wrong data: 1 lost"])];
        let table = table(&all, &json!({}), &Options::default());
        assert!(table.contains("NO FIGURE: commit/64: wrong data: 1 lost"), "{table}");
        assert!(!table.contains("x raw/64"), "{table}");
    }
}
