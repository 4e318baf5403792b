//! The figures, as a table or as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::drive::Part;
use super::options::Options;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Gateway,
    Mosquitto,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) who: Who,
    pub(super) part: Part,
    pub(super) bytes: usize,
}

/// What one run came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// Processor time of the broker for one message.
    pub(super) cpu_us: f64,
    pub(super) rate: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) resident_bytes: u64,
}

impl Case {
    pub(super) fn name(self) -> String {
        let who = match self.who {
            Who::Gateway => "gateway",
            Who::Mosquitto => "mosquitto",
        };
        let part = match self.part {
            Part::Publish => "publish",
            Part::Relay => "relay",
        };
        format!("{part} {} B, {who}", self.bytes)
    }
}

/// The run in the middle, by processor time.
fn median(runs: &[Figures]) -> Figures {
    let mut runs = runs.to_vec();
    runs.sort_by(|one, other| one.cpu_us.total_cmp(&other.cpu_us));
    runs[runs.len() / 2]
}

pub(super) fn table(rows: &[(Case, Vec<Figures>)], machine: &Value, options: &Options) -> String {
    let of = |name: &str| machine[name].as_str().unwrap_or_default();
    let (processor, kernel, commit) = (of("processor"), of("kernel"), of("commit"));
    let mut text = format!(
        "{processor}, kernel {kernel}, commit {commit}\n\
         QoS 1, MQTT 3.1.1, {} publishers, {} unanswered each; the gateway flushes before \
         PUBACK,\n\
         Mosquitto writes its store every 10 seconds and does not flush before PUBACK\n\n\
         {:<28} {:>10} {:>10} {:>9} {:>9} {:>8}\n",
        options.publishers,
        options.window,
        "",
        "us/message",
        "messages/s",
        "p50 ms",
        "p99 ms",
        "MiB"
    );
    for (case, runs) in rows {
        let one = median(runs);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        text.push_str(&format!(
            "{:<28} {:>10.2} {:>10.0} {:>9.2} {:>9.2} {:>8.1}\n",
            case.name(),
            one.cpu_us,
            one.rate,
            ms(one.p50),
            ms(one.p99),
            one.resident_bytes as f64 / 1_048_576.0
        ));
    }
    text
}

pub(super) fn json(rows: &[(Case, Vec<Figures>)], machine: &Value, options: &Options) -> String {
    let row = |(case, runs): &(Case, Vec<Figures>)| {
        let one = median(runs);
        json!({
            "case": case.name(),
            "cpu_us": one.cpu_us,
            "rate": one.rate,
            "p50_us": one.p50.as_micros() as u64,
            "p99_us": one.p99.as_micros() as u64,
            "resident_bytes": one.resident_bytes,
            "runs_cpu_us": runs.iter().map(|run| run.cpu_us).collect::<Vec<_>>(),
        })
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let (publishers, window) = (options.publishers, options.window);
    json!({ "machine": machine, "publishers": publishers, "window": window, "rows": rows })
        .to_string()
}
