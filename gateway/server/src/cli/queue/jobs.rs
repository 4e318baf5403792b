//! `redrive`, `replay` and `jobs`: long work, with its progress.
//!
//! The progress bar is drawn on standard error, and only for a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::arguments::{JobVerb, Pace, Redrive, Replay};
use super::look::list_of;
use crate::cli::admin::Admin;
use crate::cli::table::{Table, span, text};
use crate::cli::{CommandFault, say, say_error};

/// Moves dead letters back.
pub(super) async fn redrive(admin: &Admin, ask: &Redrive) -> Result<(), CommandFault> {
    let mut body = paced(&ask.pace);
    put(&mut body, "when", ask.when.clone());
    put(&mut body, "cause", ask.cause.clone());
    let path = format!("/v1/queues/{}/redrive", ask.queue);
    let answer = admin.post(&path, &Value::Object(body)).await?;
    if answer.get("id").is_some() {
        return follow(admin, &answer, &ask.pace).await;
    }
    admin.show(&answer, || {
        if ask.pace.dry_run {
            say(&format!("{} would move", text(&answer, "/would_move")));
            print_first(&answer);
        } else {
            say(&format!("{} moved", text(&answer, "/moved")));
        }
        if answer.get("left").and_then(Value::as_u64).is_some_and(|left| left > 0) {
            say(&format!(
                "{} left: they never reached a queue, or a consumer holds them; `queue replay \
                 --letters-of` takes them through the line",
                text(&answer, "/left")
            ));
        }
    });
    Ok(())
}

fn print_first(answer: &Value) {
    let mut table = Table::new(&["cursor", "source", "type", "origin", "why"]);
    for one in list_of(answer, "first") {
        let mut cells: Vec<String> =
            ["/cursor", "/source", "/type", "/origin"].map(|place| text(one, place)).into();
        cells.push(format!("{}: {}", text(one, "/cause"), text(one, "/reason")));
        table.row(cells);
    }
    table.print();
}

/// Places events of the past once more.
pub(super) async fn replay(admin: &Admin, ask: &Replay) -> Result<(), CommandFault> {
    let mut body = paced(&ask.pace);
    put(&mut body, "when", ask.when.clone());
    let path = match &ask.letters_of {
        Some(queue) => {
            put(&mut body, "cause", ask.cause.clone());
            format!("/v1/queues/{queue}/replay")
        }
        None => {
            put(&mut body, "from", ask.from.clone());
            put(&mut body, "to", ask.to.clone());
            put(&mut body, "queue", ask.into.as_ref().map(ToString::to_string));
            put(&mut body, "through", ask.through_line.then_some("line"));
            put(&mut body, "source", some(&ask.source));
            put(&mut body, "type", some(&ask.kind));
            let placed_in: Vec<String> = ask.placed_in.iter().map(ToString::to_string).collect();
            put(&mut body, "placed_in", some(&placed_in));
            "/v1/replays".to_owned()
        }
    };
    let job = admin.post(&path, &Value::Object(body)).await?;
    follow(admin, &job, &ask.pace).await
}

fn paced(pace: &Pace) -> Map<String, Value> {
    let mut body = Map::new();
    put(&mut body, "max", pace.max);
    put(&mut body, "rate", pace.rate);
    put(&mut body, "dry_run", pace.dry_run.then_some(true));
    body
}

fn put(body: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}

fn some(list: &[String]) -> Option<Value> {
    (!list.is_empty()).then(|| json!(list))
}

/// Lists jobs, or sees to one.
pub(super) async fn see_to(admin: &Admin, verb: Option<JobVerb>) -> Result<(), CommandFault> {
    let job = match verb {
        None => return list(admin).await,
        Some(JobVerb::Wait { id }) => return wait(admin, &id.to_string()).await,
        Some(JobVerb::Show { id }) => admin.get(&format!("/v1/jobs/{id}")).await?,
        Some(JobVerb::Cancel { id }) => {
            admin.post(&format!("/v1/jobs/{id}/cancel"), &json!({})).await?
        }
        Some(JobVerb::Resume { id }) => {
            admin.post(&format!("/v1/jobs/{id}/resume"), &json!({})).await?
        }
    };
    admin.show(&job, || say(&sentence(&job)));
    Ok(())
}

async fn list(admin: &Admin) -> Result<(), CommandFault> {
    let document = admin.get("/v1/jobs").await?;
    admin.show(&document, || {
        let heads = ["job", "kind", "state", "done", "read", "moved", "left", "failed", "made"];
        let mut table = Table::new(&heads);
        for job in list_of(&document, "jobs") {
            let mut cells: Vec<String> =
                ["/id", "/kind", "/state"].map(|place| text(job, place)).into();
            let progress = job.get("progress").and_then(Value::as_f64).unwrap_or(0.0);
            cells.push(format!("{:.0}%", progress * 100.0));
            let counts = ["/counts/read", "/counts/moved", "/counts/left", "/counts/failed"];
            cells.extend(counts.map(|place| text(job, place)));
            cells.push(text(job, "/made_at"));
            table.row(cells);
        }
        table.print();
    });
    Ok(())
}

/// A job that was started: its id if nobody waits for it, its end otherwise.
async fn follow(admin: &Admin, job: &Value, pace: &Pace) -> Result<(), CommandFault> {
    let id = text(job, "/id");
    if pace.detach {
        admin.show(job, || say(&id));
        return Ok(());
    }
    say_error(&format!(
        "job {id}: it goes on if you leave; `sluicegate queue jobs cancel {id}` stops it"
    ));
    wait(admin, &id).await
}

/// Waits until a job has ended, and says what came of it.
pub(super) async fn wait(admin: &Admin, id: &str) -> Result<(), CommandFault> {
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
        bar.set_style(style);
    }
    loop {
        let job = admin.get(&format!("/v1/jobs/{id}")).await?;
        if text(&job, "/state") == "running" {
            draw(&bar, &job);
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        bar.finish_and_clear();
        admin.show(&job, || say(&sentence(&job)));
        return match text(&job, "/state").as_str() {
            "done" => Ok(()),
            state => Err(CommandFault::Remote(format!("job {id} is {state}"))),
        };
    }
}

fn draw(bar: &ProgressBar, job: &Value) {
    let number = |name: &str| job.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let progress = number("progress").clamp(0.0, 1.0);
    #[expect(clippy::cast_precision_loss, reason = "a thousand is exact")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    bar.set_position((progress * STEPS as f64) as u64);
    let eta = job.get("eta_ms").and_then(Value::as_u64);
    let eta = eta.map_or(String::new(), |ms| format!(", about {} left", span(ms)));
    let moved = text(job, "/counts/moved");
    let note = job.pointer("/note/code").and_then(Value::as_str);
    let note = note.map_or(String::new(), |code| format!(" [{code}]"));
    bar.set_message(format!("{moved} moved, {:.0}/s{eta}{note}", number("rate")));
}

/// A job in one sentence.
fn sentence(job: &Value) -> String {
    let count = |name: &str| text(job, &format!("/counts/{name}"));
    let verb = if job.get("dry_run") == Some(&Value::Bool(true)) { "would move" } else { "moved" };
    let mut sentence = format!(
        "job {} is {}: {} {verb}, {} left, {} failed; {} of {} read were meant",
        text(job, "/id"),
        text(job, "/state"),
        count("moved"),
        count("left"),
        count("failed"),
        count("matched"),
        count("read"),
    );
    if let Some(note) = job.get("note").filter(|note| !note.is_null()) {
        sentence.push_str(&format!(" ({} [{}])", text(note, "/detail"), text(note, "/code")));
    }
    crate::cli::table::plain(&sentence)
}

const STEPS: u64 = 1000;
const LOOK_EVERY: Duration = Duration::from_millis(200);
