//! From the figures of single runs to what is printed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::event::PAYLOAD_BYTES;
use super::options::Options;
use super::rows::{Row, name};
use super::targets;
use crate::bench::figures::Figures;

/// A row with its runs, or why it has none.
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) runs: Vec<Figures>,
    pub(super) fault: Option<String>,
}

/// The columns of the table of languages: a heading, a figure, decimals.
const LANGUAGES: [(&str, &str, usize); 6] = [
    ("size KB", name::SIZE, 0),
    ("first load ms", name::LOAD, 0),
    ("call ns p50", name::P50, 0),
    ("p99", name::P99, 0),
    ("fresh us p50", name::FRESH, 1),
    ("instance KB", name::MEMORY, 0),
];

/// The medians of a row that was measured without a fault.
fn medians_of(all: &[Measured], row: &str) -> Option<Figures> {
    let found = all.iter().find(|measured| measured.row.name == row)?;
    let clean = found.fault.is_none() && !found.runs.is_empty();
    clean.then(|| Figures::medians(&found.runs))
}

/// The tables for people, in Markdown.
pub(super) fn table(all: &[Measured], machine: &Value, options: &Options) -> String {
    let mut out = String::new();
    let text = |name: &str| machine[name].as_str().unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}, {} cores, kernel {}, commit {}\n\
         {PAYLOAD_BYTES} bytes of payload, 8 headers, 4 attributes; medians of {} runs\n",
        text("processor"),
        machine["cores"],
        text("kernel"),
        text("commit"),
        options.runs,
    );
    out.push_str(&figures(all));
    out.push_str(&languages(all));
    out.push_str(&verdicts(all));
    for measured in all {
        if let Some(fault) = &measured.fault {
            let _ = writeln!(out, "NO FIGURE: {}: {fault}", measured.row.name);
        }
    }
    out
}

fn is_language(measured: &Measured) -> bool {
    measured.row.name.starts_with("language/")
}

/// Rows figure by figure: each has others.
fn figures(all: &[Measured]) -> String {
    let mut out = String::from("| row | figure | median |\n| --- | --- | --- |\n");
    for measured in all.iter().filter(|measured| !is_language(measured)) {
        let Some(medians) = medians_of(all, measured.row.name) else { continue };
        for (figure, value) in medians.iter() {
            let _ = writeln!(out, "| {} | {figure} | {value:.1} |", measured.row.name);
        }
    }
    out
}

fn languages(all: &[Measured]) -> String {
    let mut out = String::new();
    for measured in all.iter().filter(|measured| is_language(measured)) {
        let Some(medians) = medians_of(all, measured.row.name) else { continue };
        if out.is_empty() {
            let headings = LANGUAGES.map(|(heading, ..)| heading).join(" | ");
            let lines = " --- |".repeat(LANGUAGES.len() + 1);
            let _ = writeln!(out, "\n| severity-router in | {headings} |\n|{lines}");
        }
        let cells = LANGUAGES.map(|(_, name, decimals)| {
            medians.get(name).map_or(String::new(), |value| format!("{value:.decimals$}"))
        });
        let language = measured.row.name.trim_start_matches("language/");
        let _ = writeln!(out, "| {language} | {} |", cells.join(" | "));
    }
    out
}

fn verdicts(all: &[Measured]) -> String {
    let mut out = String::from("\n| target | measured | |\n| --- | --- | --- |\n");
    for target in targets::ALL {
        let Some(verdict) = target.judge(|row| medians_of(all, row)) else { continue };
        let word = if verdict.held { "held" } else { "MISSED" };
        let _ = writeln!(out, "| {} | {:.1} | {word} |", verdict.text, verdict.measured);
    }
    out
}

/// The same for machines, with every run.
pub(super) fn json(all: &[Measured], machine: &Value) -> Value {
    let row = |measured: &Measured| {
        json!({
            "row": measured.row.name,
            "medians": Figures::medians(&measured.runs),
            "runs": measured.runs,
            "fault": measured.fault,
        })
    };
    let verdicts = targets::ALL.iter().filter_map(|it| it.judge(|row| medians_of(all, row)));
    json!({
        "machine": machine,
        "payload_bytes": PAYLOAD_BYTES,
        "rows": all.iter().map(row).collect::<Vec<_>>(),
        "targets": verdicts.map(|verdict| verdict.json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plugins::rows;

    fn measured(row: &str, figure: &str, value: f64, fault: Option<&str>) -> Measured {
        let mut figures = Figures::default();
        figures.set(figure, value);
        let row = *rows::ALL.iter().find(|it| it.name == row).unwrap();
        Measured { row, runs: vec![figures], fault: fault.map(str::to_owned) }
    }

    #[test]
    fn figures_languages_and_targets_are_printed() {
        let all = [
            measured("scan/c", name::CALL, 2_000.0, None),
            measured("fresh/c", name::P50_US, 12.0, None),
            measured("language/go", name::P50, 9_000.0, None),
        ];
        let table = table(&all, &json!({ "cores": 2 }), &Options::default());
        assert!(table.contains("| scan/c | call_ns | 2000.0 |"), "{table}");
        assert!(table.contains("| go |  |  | 9000 |"), "{table}");
        assert!(table.contains("| scan/c call_ns: at most 2500 | 2000.0 | held |"), "{table}");
        assert!(table.contains("| fresh/c p50_us: at most 11 | 12.0 | MISSED |"), "{table}");
        let json = json(&all, &json!({}));
        assert_eq!(json["rows"][0]["medians"]["call_ns"], 2_000.0);
        assert_eq!(json["targets"][1]["held"], false);
    }

    #[test]
    fn a_row_with_a_fault_is_held_against_nothing() {
        let all = [measured("scan/c", name::CALL, 1.0, Some("it answered drop"))];
        let table = table(&all, &json!({}), &Options::default());
        assert!(table.contains("NO FIGURE: scan/c: it answered drop"), "{table}");
        assert!(!table.contains("call_ns"), "{table}");
    }
}
