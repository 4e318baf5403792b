//! `stats`: the numbers of queues, once or again and again, with what came and went in between.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::{Value, json};
use sluicegate_core::ids::QueueName;
use tokio::time::Instant;

use super::look::list_of;
use crate::cli::admin::{Admin, Output};
use crate::cli::table::{Table, span, text};
use crate::cli::{CommandFault, say};

/// Prints the numbers; with `every` (seconds) until the command is stopped.
pub(super) async fn stats(
    admin: &Admin,
    only: Option<&QueueName>,
    every: Option<u64>,
) -> Result<(), CommandFault> {
    let mut before: Option<(Instant, Totals)> = None;
    loop {
        let queues = ask(admin, only).await?;
        let (at, now) = (Instant::now(), totals(&queues));
        let rates = before.map(|(then, totals)| rates(&totals, &now, at - then));
        if admin.output == Output::Table && every.is_some() && std::io::stdout().is_terminal() {
            say("\x1b[H\x1b[2J");
        }
        print(admin, &queues, rates.as_ref());
        let Some(every) = every else { return Ok(()) };
        tokio::time::sleep_until(at + Duration::from_secs(every)).await;
        before = Some((at, now));
    }
}

/// Totals that only grow, of each queue: what came, what was handed out, what was acknowledged.
type Totals = BTreeMap<String, [u64; 3]>;
const TOTALS: [&str; 3] = ["/totals/enqueued", "/totals/handed_out", "/totals/acked"];

async fn ask(admin: &Admin, only: Option<&QueueName>) -> Result<Vec<Value>, CommandFault> {
    match only {
        Some(queue) => Ok(vec![admin.get(&format!("/v1/queues/{queue}")).await?]),
        None => Ok(list_of(&admin.get("/v1/queues").await?, "queues").cloned().collect()),
    }
}

fn totals(queues: &[Value]) -> Totals {
    let number = |queue: &Value, place| queue.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    let of = |queue: &Value| (text(queue, "/name"), TOTALS.map(|place| number(queue, place)));
    queues.iter().map(of).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown to a person")]
fn rates(before: &Totals, now: &Totals, took: Duration) -> BTreeMap<String, [f64; 3]> {
    let rate = |(name, totals): (&String, &[u64; 3])| {
        let before = before.get(name).copied().unwrap_or(*totals);
        let mut rates = [0.0; 3];
        for (rate, (now, before)) in rates.iter_mut().zip(totals.iter().zip(before)) {
            *rate = now.saturating_sub(before) as f64 / took.as_secs_f64().max(0.001);
        }
        (name.clone(), rates)
    };
    now.iter().map(rate).collect()
}

fn print(admin: &Admin, queues: &[Value], rates: Option<&BTreeMap<String, [f64; 3]>>) {
    let rate = |queue: &Value| rates.and_then(|rates| rates.get(&text(queue, "/name")));
    if admin.output == Output::Json {
        let with_rate = |queue: &Value| {
            let mut queue = queue.clone();
            if let (Some([came, out, acked]), Some(map)) = (rate(&queue), queue.as_object_mut()) {
                let rate = json!({ "enqueued": came, "handed_out": out, "acked": acked });
                map.insert("per_second".into(), rate);
            }
            queue
        };
        let queues: Vec<Value> = queues.iter().map(with_rate).collect();
        return say(&json!({ "queues": queues }).to_string());
    }
    let heads = [
        "queue", "depth", "ready", "leased", "delayed", "blocked", "dead", "oldest", "in/s",
        "out/s", "acked/s",
    ];
    let mut table = Table::new(&heads);
    for queue in queues {
        let places = ["/name", "/depth", "/ready", "/leased", "/delayed", "/blocked", "/dead"];
        let mut cells: Vec<String> = places.map(|place| text(queue, place)).into();
        cells.push(span(queue.get("oldest_age_ms").and_then(Value::as_u64).unwrap_or(0)));
        match rate(queue) {
            Some(rates) => cells.extend(rates.map(|rate| format!("{rate:.1}"))),
            None => cells.extend(["-", "-", "-"].map(str::to_owned)),
        }
        table.row(cells);
    }
    table.print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_what_came_in_between() {
        let at = |came: u64, acked: u64| {
            let counted = json!({ "enqueued": came, "handed_out": 0, "acked": acked });
            totals(&[json!({ "name": "a", "totals": counted })])
        };
        let rates = rates(&at(10, 5), &at(30, 5), Duration::from_secs(2));
        assert_eq!(rates["a"], [10.0, 0.0, 0.0]);
        let fresh = super::rates(&Totals::new(), &at(30, 5), Duration::from_secs(2));
        assert_eq!(fresh["a"], [0.0; 3], "a queue that was not there before");
    }
}
