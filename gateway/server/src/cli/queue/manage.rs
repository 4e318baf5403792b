//! `pause`, `resume`, `hold`, `create`, `rm` and `purge`: what changes a queue.

use serde_json::{Value, json};
use sluicegate_core::ids::QueueName;

use super::arguments::Create;
use super::jobs;
use crate::cli::admin::Admin;
use crate::cli::table::text;
use crate::cli::{CommandFault, say};

/// Pauses or resumes a queue.
pub(super) async fn deliver(
    admin: &Admin,
    queue: &QueueName,
    verb: &str,
) -> Result<(), CommandFault> {
    let answer = admin.post(&format!("/v1/queues/{queue}/{verb}"), &json!({})).await?;
    admin.show(&answer, || say(&format!("{queue}: {verb}d")));
    Ok(())
}

/// Puts a queue under a legal hold, or lifts it.
pub(super) async fn hold(admin: &Admin, queue: &QueueName, hold: bool) -> Result<(), CommandFault> {
    let path = format!("/v1/queues/{queue}/hold");
    let answer = admin.ask("PUT", &path, Some(&json!({ "hold": hold }))).await?;
    let what = if hold { "held: nothing of it is deleted" } else { "no longer held" };
    admin.show(&answer, || say(&format!("{queue}: {what}")));
    Ok(())
}

/// Makes or changes a queue; one that starts in the past is filled by a job.
pub(super) async fn create(admin: &Admin, ask: &Create) -> Result<(), CommandFault> {
    let mut body = ask.settings.clone().unwrap_or_else(|| json!({}));
    let Some(settings) = body.as_object_mut() else {
        return Err(CommandFault::Input("--settings must be a JSON object".into()));
    };
    if let Some(from) = &ask.from {
        let mut start = json!({ "from": from });
        if let (Some(when), Some(start)) = (&ask.when, start.as_object_mut()) {
            start.insert("when".into(), when.clone());
        }
        settings.insert("start".into(), start);
    }
    let answer = admin.ask("PUT", &format!("/v1/queues/{}", ask.queue), Some(&body)).await?;
    admin.show(&answer, || say(&format!("{}: there", ask.queue)));
    match answer.get("job").and_then(Value::as_str) {
        Some(id) => jobs::wait(admin, id).await,
        None => Ok(()),
    }
}

/// Removes a queue that is empty.
pub(super) async fn remove(admin: &Admin, queue: &QueueName) -> Result<(), CommandFault> {
    let answer = admin.ask("DELETE", &format!("/v1/queues/{queue}"), None).await?;
    admin.show(&answer, || say(&format!("{queue}: removed")));
    Ok(())
}

/// Drops everything in a queue that nobody holds.
pub(super) async fn purge(admin: &Admin, queue: &QueueName) -> Result<(), CommandFault> {
    let answer = admin.post(&format!("/v1/queues/{queue}/purge"), &json!({})).await?;
    admin.show(&answer, || say(&format!("{queue}: {} purged", text(&answer, "/purged"))));
    Ok(())
}
