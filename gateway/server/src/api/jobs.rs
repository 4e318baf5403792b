//! What operators ask of jobs: redrives, replays, their progress, cancel and resume.

use serde::Serialize;
use serde_json::json;
use sluicegate_core::ids::QueueName;
use sluicegate_core::seams::Engine;
use sluicegate_core::time::Timestamp;
use sluicegate_sources::http::Response;

use super::queues;
use super::reply;
use crate::jobs::{Counts, JobFault, JobId, Jobs, LettersAsk, Note, Shown, Task};

/// A path of jobs, parsed.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    All,
    One(JobId),
    Cancel(JobId),
    Resume(JobId),
    Replays,
    Redrive(QueueName),
    QueueReplay(QueueName),
}

impl Place {
    /// Reads the parts of a path after `v1`; `None` if it is not one of jobs.
    pub(super) fn parse(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["jobs"] => Self::All,
            ["jobs", id] => Self::One(id.parse().ok()?),
            ["jobs", id, "cancel"] => Self::Cancel(id.parse().ok()?),
            ["jobs", id, "resume"] => Self::Resume(id.parse().ok()?),
            ["replays"] => Self::Replays,
            ["queues", name, "redrive"] => Self::Redrive(name.parse().ok()?),
            ["queues", name, "replay"] => Self::QueueReplay(name.parse().ok()?),
            _ => return None,
        })
    }

    /// The method that it has.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::All | Self::One(_) => "GET",
            _ => "POST",
        }
    }
}

/// Answers what is asked at a path of jobs.
pub(super) async fn answer(
    place: Place,
    engine: &dyn Engine,
    jobs: &Jobs,
    body: &[u8],
) -> Response {
    match place {
        Place::All => {
            let all = jobs.all();
            reply::json(&json!({ "jobs": all.iter().map(JobJson::new).collect::<Vec<_>>() }))
        }
        Place::One(id) => shown(jobs.get(id)),
        Place::Cancel(id) => shown(jobs.cancel(id).await),
        Place::Resume(id) => shown(jobs.resume(id).await),
        Place::Replays => match queues::parse(body) {
            Ok(ask) => started(jobs.start(Task::Replay { ask }).await),
            Err(reply) => reply,
        },
        Place::QueueReplay(queue) => match queues::parse(body) {
            Ok(ask) => {
                let queue = queue.to_string();
                started(jobs.start(Task::QueueReplay { queue, ask }).await)
            }
            Err(reply) => reply,
        },
        Place::Redrive(queue) => match queues::parse::<LettersAsk>(body) {
            Ok(ask) => redrive(engine, jobs, &queue, ask).await,
            Err(reply) => reply,
        },
    }
}

/// With a rate this is a job. Without, it is answered when it is done; and without a pattern or a
/// cause, the engine does it without looking at events.
async fn redrive(engine: &dyn Engine, jobs: &Jobs, queue: &QueueName, ask: LettersAsk) -> Response {
    if ask.is_plain() {
        let max = ask.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        return match engine.redrive(queue, max).await {
            Ok(redriven) => reply::json(&json!({ "moved": redriven.moved, "left": redriven.left })),
            Err(fault) => queues::refuse(&fault),
        };
    }
    let dry_run = ask.dry_run;
    if ask.rate.is_some() && !dry_run {
        return started(jobs.start(Task::Redrive { queue: queue.to_string(), ask }).await);
    }
    match jobs.sweep(queue, ask).await {
        Ok(swept) if dry_run => reply::json(&json!({
            "dry_run": true, "would_move": swept.moved, "left": swept.left, "first": swept.first,
        })),
        Ok(swept) => reply::json(&json!({
            "moved": swept.moved, "left": swept.left, "failed": swept.failed,
        })),
        Err(fault) => refuse(&fault),
    }
}

/// A job as the API shows it.
#[derive(Serialize)]
pub(super) struct JobJson<'a> {
    id: String,
    #[serde(flatten)]
    task: &'a Task,
    dry_run: bool,
    state: &'static str,
    counts: Counts,
    progress: f64,
    rate: f64,
    eta_ms: Option<u128>,
    made_at: String,
    ended_at: Option<String>,
    note: Option<&'a Note>,
}

impl<'a> JobJson<'a> {
    fn new(shown: &'a Shown) -> Self {
        let job = &shown.job;
        let time = |ms: u64| Timestamp::from_unix_ms(ms).rfc3339();
        Self {
            id: job.id.to_string(),
            task: &job.task,
            dry_run: job.task.is_dry_run(),
            state: job.state.word(),
            counts: job.counts,
            progress: job.progress(),
            rate: shown.rate,
            eta_ms: shown.eta.map(|eta| eta.as_millis()),
            made_at: time(job.made_ms),
            ended_at: job.ended_ms.map(time),
            note: job.note.as_ref(),
        }
    }
}

fn shown(job: Result<Shown, JobFault>) -> Response {
    match job {
        Ok(job) => reply::json(&JobJson::new(&job)),
        Err(fault) => refuse(&fault),
    }
}

/// 202: the job is written down, and goes on by itself.
pub(super) fn started(job: Result<Shown, JobFault>) -> Response {
    match job {
        Ok(job) => {
            let location = format!("/v1/jobs/{}", job.job.id);
            let answer = reply::json(&JobJson::new(&job));
            Response { status: 202, ..answer }.with("location", location)
        }
        Err(fault) => refuse(&fault),
    }
}

/// The answer to a job that was not started, cancelled or resumed.
pub(super) fn refuse(fault: &JobFault) -> Response {
    let status = match fault {
        JobFault::Queue(fault) => return queues::refuse(fault),
        JobFault::Task(_) => 422,
        JobFault::NotFound => 404,
        JobFault::TooMany | JobFault::WrongState(_) => 409,
        JobFault::File(_) => 503,
    };
    reply::problem(status, fault.code(), &fault.to_string())
}
