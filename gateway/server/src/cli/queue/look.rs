//! `ls`, `show` and `peek`: what there is.

use serde_json::Value;
use sluicegate_core::ids::QueueName;

use super::arguments::Peek;
use crate::cli::admin::Admin;
use crate::cli::table::{Table, plain, span, text};
use crate::cli::{CommandFault, say};

/// All queues, a line each.
pub(super) async fn list(admin: &Admin) -> Result<(), CommandFault> {
    let document = admin.get("/v1/queues").await?;
    admin.show(&document, || {
        let heads = ["queue", "depth", "ready", "leased", "delayed", "dead", "oldest", "bytes"];
        let mut table = Table::new(&heads);
        for queue in list_of(&document, "queues") {
            table.row(numbers(queue));
        }
        table.print();
    });
    Ok(())
}

/// The cells of a queue in tables of queues.
fn numbers(queue: &Value) -> Vec<String> {
    let age = queue.get("oldest_age_ms").and_then(Value::as_u64).unwrap_or(0);
    let mut cells: Vec<String> = ["/name", "/depth", "/ready", "/leased", "/delayed", "/dead"]
        .map(|name| text(queue, name))
        .into();
    cells.push(span(age));
    cells.push(text(queue, "/bytes"));
    cells
}

/// A list in a document; nothing if it is not there.
pub(super) fn list_of<'d>(document: &'d Value, name: &str) -> impl Iterator<Item = &'d Value> {
    document.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Everything that the gateway says about one queue, a line each.
pub(super) async fn show(admin: &Admin, queue: &QueueName) -> Result<(), CommandFault> {
    let document = admin.get(&format!("/v1/queues/{queue}")).await?;
    admin.show(&document, || {
        let mut table = Table::new(&["what", "value"]);
        table.spread("", &document);
        table.print();
    });
    Ok(())
}

/// Events of a queue, without taking them.
pub(super) async fn peek(admin: &Admin, ask: &Peek) -> Result<(), CommandFault> {
    let payload = if ask.payload { "text" } else { "none" };
    let mut path = format!("/v1/queues/{}/events?limit={}&payload={payload}", ask.queue, ask.limit);
    if let Some(after) = ask.after {
        path.push_str(&format!("&after={after}"));
    }
    if let Some(standing) = &ask.standing {
        path.push_str(&format!("&standing={standing}"));
    }
    let document = admin.get(&path).await?;
    admin.show(&document, || print_events(&document, ask));
    Ok(())
}

fn print_events(document: &Value, ask: &Peek) {
    let heads = ["cursor", "standing", "attempts", "received", "source", "type", "id", "why"];
    let mut table = Table::new(&heads);
    for one in list_of(document, "events") {
        let mut cells: Vec<String> = [
            "/cursor",
            "/standing",
            "/attempts",
            "/event/sgreceivedtime",
            "/event/source",
            "/event/type",
            "/event/id",
        ]
        .map(|place| text(one, place))
        .into();
        cells.push(match one.get("letter") {
            Some(letter) if !letter.is_null() => {
                format!("{}: {}", text(letter, "/cause"), text(letter, "/reason"))
            }
            _ => "-".to_owned(),
        });
        table.row(cells);
    }
    table.print();
    if ask.payload {
        for one in list_of(document, "events") {
            let data = ["/event/data", "/event/data_base64"].into_iter();
            let data = data.filter(|place| one.pointer(place).is_some()).map(|at| text(one, at));
            let data = data.map(|data| plain(&data)).next().unwrap_or_default();
            say(&format!("\n{}\n{data}", text(one, "/event/id")));
        }
    }
    if let Some(next) = document.get("next").and_then(Value::as_str) {
        say(&format!("\nmore: --after {next}"));
    }
}
