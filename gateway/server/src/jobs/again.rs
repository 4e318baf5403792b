//! The way of stored events back into the line: what was proven at the door counts.
//!
//! The event keeps its id, so that a consumer that has seen it knows it, and its `time`; it is
//! received now, so that ages and times to live begin anew; and it is marked with the job.

use futures_util::future::join_all;
use sluicegate_core::event::Event;
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::proof::{Receipt, Validated, Verified};
use sluicegate_core::queue::QueueFault;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;
use std::time::Duration;

use super::job::{JobId, Note};
use super::page::Went;
use crate::pipeline::Pipeline;

/// The attribute that says which job took an event through the line again.
pub const REPLAY_ATTRIBUTE: &str = "sgreplay";

/// An event as the log has it.
pub(super) struct Stored {
    pub(super) event: Event,
    pub(super) verdict: Verdict,
    pub(super) letter: Option<Letter>,
}

/// Takes events through the line, some at a time: one flush frees them together. They are begun in
/// their order; `None` stands for one that is gone.
pub(super) async fn through_line(
    line: &Pipeline,
    job: JobId,
    now: Timestamp,
    events: Vec<Option<Stored>>,
) -> Vec<Went> {
    let mut all = Vec::with_capacity(events.len());
    let mut rest = events.into_iter();
    loop {
        let some: Vec<_> =
            rest.by_ref().take(AT_ONCE).map(|stored| one(line, job, now, stored)).collect();
        if some.is_empty() {
            return all;
        }
        all.extend(join_all(some).await);
    }
}

async fn one(line: &Pipeline, job: JobId, now: Timestamp, stored: Option<Stored>) -> Went {
    let Some(Stored { mut event, verdict, letter }) = stored else {
        return Went::Refused(Note::new(QueueFault::Gone.code(), &QueueFault::Gone));
    };
    let parts = event.parts_mut();
    parts.time = Some(parts.time.unwrap_or(parts.received_at));
    parts.received_at = now;
    parts.attributes.set(REPLAY_ATTRIBUTE, &job.to_string());
    let broke_its_schema = letter.as_ref().is_some_and(|letter| letter.cause == Cause::Violation);
    let judged = if broke_its_schema {
        line.validate_again(Verified::stored(event, verdict)).await
    } else {
        let lost_on = letter.as_ref().and_then(|letter| letter.route.as_ref());
        line.again(Validated::stored(event, verdict), lost_on).await
    };
    went(judged)
}

fn went(judged: Result<Receipt, Refusal>) -> Went {
    let refusal = match judged {
        Ok(_) => return Went::Placed,
        Err(refusal) => refusal,
    };
    let note = Note::new(refusal.code(), &refusal);
    match refusal {
        Refusal::Overloaded { .. }
        | Refusal::QueueFull { .. }
        | Refusal::QueueOverRate { .. }
        | Refusal::SourceFull { .. }
        | Refusal::PluginPaused { .. }
        | Refusal::StoreUnavailable { .. }
        | Refusal::Stopping => {
            let wait = refusal.retry_after().unwrap_or(Duration::from_secs(1));
            Went::Wait(note, wait.min(WAIT_MAX))
        }
        _ => Went::Refused(note),
    }
}

/// Events on their way through the line together.
const AT_ONCE: usize = 64;

/// What pushes back is asked again at least so often.
const WAIT_MAX: Duration = Duration::from_secs(10);
