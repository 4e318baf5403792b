//! `sluicegate plugin test --sweep`: what a call costs as its payload grows.

use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_core::event::Event;
use sluicegate_filters::{Reuse, Trial};

use super::golden;
use super::subject::Subject;
use super::suite::{Case, Suite};
use crate::cli::table::Table;
use crate::cli::{CommandFault, say};

/// Asks about the event of the first case that the plugin answers, at every size.
pub(super) fn sweep(
    timed: &Subject,
    counted: &Subject,
    suite: &Suite,
    cases: &[&Case],
    json: bool,
) -> Result<(), CommandFault> {
    let decides = |case: &&&Case| case.expect.decision.is_some();
    let Some(case) = cases.iter().find(decides) else {
        let why = "--sweep needs a case that expects a decision".to_owned();
        return Err(CommandFault::Misused(why));
    };
    let config = case.config.as_ref().unwrap_or(&suite.config);
    let start = |subject: &Subject| {
        subject.start(config).map_err(|fault| CommandFault::Input(fault.to_string()))
    };
    let (mut timed, mut counted) = (start(timed)?, start(counted)?);
    let event = case.event.event().map_err(CommandFault::Input)?;
    let heads = ["payload bytes", "time us", "us per KB", "instructions", "memory KB", "answer"];
    let mut table = Table::new(&heads);
    for size in SIZES {
        let row = Row::measure(&mut timed, &mut counted, &grown(&event, size));
        if json {
            say(&row.json(size).to_string());
        }
        table.row(row.cells(size));
    }
    if !json {
        say(&format!("\ncase {:?}, on one instance:\n", case.name));
        table.print();
    }
    Ok(())
}

struct Row {
    time_us: f64,
    fuel: Option<u64>,
    memory_bytes: usize,
    said: Value,
}

impl Row {
    fn measure(timed: &mut Trial, counted: &mut Trial, event: &Event) -> Self {
        let mut times: Vec<_> = (0..CALLS).map(|_| timed.ask(event, Reuse::Kept).took).collect();
        times.sort_unstable();
        let time = times.get(CALLS / 2).copied().unwrap_or_default();
        let asked = timed.ask(event, Reuse::Kept);
        let mut said = golden::said(&asked.said);
        if let Some(said) = said.as_object_mut() {
            // A grown payload that is emitted again would fill the screen.
            said.remove("outputs");
        }
        Self {
            time_us: time.as_secs_f64() * 1e6,
            fuel: counted.ask(event, Reuse::Kept).fuel,
            memory_bytes: asked.memory_bytes,
            said,
        }
    }

    fn cells(&self, size: usize) -> Vec<String> {
        vec![
            size.to_string(),
            format!("{:.1}", self.time_us),
            format!("{:.3}", self.time_us * 1024.0 / size as f64),
            self.fuel.map_or_else(|| "-".to_owned(), |fuel| fuel.to_string()),
            (self.memory_bytes / 1024).to_string(),
            self.said.to_string(),
        ]
    }

    fn json(&self, size: usize) -> Value {
        json!({
            "payload_bytes": size, "time_us": self.time_us, "instructions": self.fuel,
            "memory_bytes": self.memory_bytes, "said": self.said,
        })
    }
}

/// The event with a payload of about this size: a JSON object gets one more member, anything else
/// is repeated.
fn grown(event: &Event, size: usize) -> Event {
    let mut grown = event.clone();
    let payload = &mut grown.parts_mut().payload;
    let missing = size.saturating_sub(payload.len());
    *payload = match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(mut members)) => {
            members.insert("padding".to_owned(), Value::String("x".repeat(missing)));
            Bytes::from(Value::Object(members).to_string())
        }
        _ if payload.is_empty() => Bytes::from(vec![b'x'; size]),
        _ => Bytes::from(payload.iter().copied().cycle().take(size).collect::<Vec<u8>>()),
    };
    grown
}

const SIZES: [usize; 6] = [1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20];

/// Calls at each size; the median is told.
const CALLS: usize = 31;
