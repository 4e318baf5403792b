//! What operators do to queues: make, change and remove them, pause, hold and purge them.
//!
//! A queue that was made here is kept in the data folder. Routes, filters and sinks know only the
//! queues of the configuration: one that was made is filled by replays and redrives, or is a
//! dead-letter queue, and is emptied by consumers. A configured queue that is changed here is what
//! the configuration says again after a restart, but for a pause and a hold.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Delivery, QueueFault};
use sluicegate_core::refusal::Violation;
use sluicegate_queue::{Defined, Hold, QueueConfig, Store};
use sluicegate_sources::http::{Problem, Response};

use super::exposition::Rooms;
use super::jobs;
use super::queues::{parse, refuse};
use super::reply;
use super::show;
use crate::config::{WantedQueue, read_queue};

/// `PUT /v1/queues/{queue}`: makes or changes it. 201 or 200, with what it is now. A queue that is
/// made may start in the past: `"start": { "from": ..., "when": ... }` beside its settings.
pub(super) async fn put(rooms: &Rooms, queue: &QueueName, body: &[u8]) -> Response {
    let store = &rooms.store;
    let mut body: Map<String, Value> = match parse(body) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let start = match body.remove("start").map(serde_json::from_value::<StartBody>).transpose() {
        Ok(start) => start,
        Err(fault) => {
            return reply::problem(422, "request_invalid", &format!("start: {fault}"));
        }
    };
    let others: Vec<QueueConfig> = store.queues().into_iter().map(|info| info.config).collect();
    if start.is_some() && others.iter().any(|other| other.name == *queue) {
        let why = "only a queue that is made now can start in the past: replay into this one";
        return reply::problem(409, "queue_exists", why);
    }
    let wanted = match read_queue(queue.clone(), &Value::Object(body), &others) {
        Ok(wanted) => wanted,
        Err(violations) => return invalid(&violations),
    };
    let defined = match define(store, queue, wanted).await {
        Ok(defined) => defined,
        Err(fault) => return refuse(&fault),
    };
    let job = match start {
        Some(start) => match fill(rooms, queue, start).await {
            Ok(job) => Some(job),
            Err(reply) => return reply,
        },
        None => None,
    };
    let Some(mut shown) = show::one(store, &rooms.configured, queue).await else {
        return refuse(&QueueFault::NoQueue);
    };
    if let (Some(job), Some(shown)) = (job, shown.as_object_mut()) {
        shown.insert("job".to_owned(), job.into());
    }
    match defined {
        Defined::Changed => reply::json(&shown),
        Defined::Created => Response { status: 201, ..reply::json(&shown) }
            .with("location", format!("/v1/queues/{queue}")),
    }
}

fn invalid(violations: &[Violation]) -> Response {
    Problem {
        status: 422,
        code: "queue_invalid",
        title: "Unprocessable Content",
        detail: "the queue cannot be as it is asked: see violations",
        violations,
        retry_after: None,
    }
    .response()
}

/// Starts the job that fills a queue with the past. A queue that cannot be filled as it is asked is
/// not made.
async fn fill(rooms: &Rooms, queue: &QueueName, start: StartBody) -> Result<String, Response> {
    match rooms.jobs.fill(queue, &start.from, start.when).await {
        Ok(job) => Ok(job.job.id.to_string()),
        Err(fault) => {
            if let Err(fault) = rooms.store.remove(queue).await {
                tracing::warn!(%queue, %fault, "a queue that cannot be filled stays, empty");
            }
            Err(jobs::refuse(&fault))
        }
    }
}

/// A pause or a hold that an operator set before is stronger than what a queue is made with: what
/// is said here is said by an operator, too.
async fn define(
    store: &Store,
    queue: &QueueName,
    wanted: WantedQueue,
) -> Result<Defined, QueueFault> {
    let defined = store.define(wanted.config).await?;
    if let Some(to) = wanted.delivery {
        store.set_delivery(queue, to).await?;
    }
    if let Some(to) = wanted.hold {
        store.set_hold(queue, to).await?;
    }
    Ok(defined)
}

/// `DELETE /v1/queues/{queue}`: 204.
pub(super) async fn delete(rooms: &Rooms, queue: &QueueName) -> Response {
    if rooms.configured.contains(queue) {
        let why = "the configuration has this queue, and its routes, filters and sinks may name \
                   it: take it out there, then start the gateway anew";
        return reply::problem(409, "queue_in_use", why);
    }
    match rooms.store.remove(queue).await {
        Ok(()) => Response::new(204),
        Err(fault) => refuse(&fault),
    }
}

/// `POST /v1/queues/{queue}/pause` and `/resume`.
pub(super) async fn deliver(
    store: &Store,
    queue: &QueueName,
    body: &[u8],
    to: Delivery,
) -> Response {
    if let Err(reply) = parse::<Nothing>(body) {
        return reply;
    }
    match store.set_delivery(queue, to).await {
        Ok(()) => reply::json(&json!({ "paused": to == Delivery::Paused })),
        Err(fault) => refuse(&fault),
    }
}

/// `PUT /v1/queues/{queue}/hold`.
pub(super) async fn set_hold(store: &Store, queue: &QueueName, body: &[u8]) -> Response {
    let held = match parse::<HoldBody>(body) {
        Ok(HoldBody { hold: Some(held) }) => held,
        Ok(HoldBody { hold: None }) => {
            return reply::problem(422, "request_invalid", "the body says hold: true or false");
        }
        Err(reply) => return reply,
    };
    let to = if held { Hold::Held } else { Hold::None };
    match store.set_hold(queue, to).await {
        Ok(()) => reply::json(&json!({ "hold": held })),
        Err(fault) => refuse(&fault),
    }
}

/// `POST /v1/queues/{queue}/purge`: answers when it is done and durable. What is leased stays.
pub(super) async fn purge(store: &Store, queue: &QueueName, body: &[u8]) -> Response {
    if let Err(reply) = parse::<Nothing>(body) {
        return reply;
    }
    match store.purge(queue).await {
        Ok(purged) => reply::json(&json!({ "purged": purged })),
        Err(fault) => refuse(&fault),
    }
}

/// The body of a call that says everything in its path.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldBody {
    hold: Option<bool>,
}

/// Where a queue that is made begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    /// A time in RFC 3339, or a cursor.
    from: String,
    /// Which events it takes, as a route says it.
    when: Option<Value>,
}
