//! One page of a job: the events that were looked at, what is to become of each, and how that is
//! counted. Pure: nothing here moves an event.

use std::time::Duration;

use serde::Serialize;
use sluicegate_core::event::Event;
use sluicegate_core::letter::Letter;
use sluicegate_queue::Cursor;

use super::job::{Job, Note};

/// An event that was looked at.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) cursor: Cursor,
    pub(super) fate: Fate,
}

/// What is to become of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not meant.
    Pass,
    /// It is meant, and cannot go this way.
    Left,
    /// It is meant, and its bytes are damaged.
    Damaged,
    /// It is to move.
    Move,
}

/// What became of an event that was to move.
#[derive(Debug)]
pub(super) enum Went {
    Placed,
    /// It was refused, and would be again.
    Refused(Note),
    /// Something pushes back: it is tried again after this time.
    Wait(Note, Duration),
}

/// What a page came to.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// There is no page after it.
    pub(super) finished: bool,
    /// Something pushes back: the next page begins after this time.
    pub(super) wait: Option<Duration>,
}

/// How far a page was counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// The first event that must wait; it and those after it are looked at again.
    pub(super) held: Option<Cursor>,
    /// The last event before that.
    pub(super) last: Option<Cursor>,
    /// Events after the one that waits that were placed all the same: not to be placed again.
    pub(super) ahead: Vec<Cursor>,
    /// How long it must wait.
    pub(super) wait: Option<Duration>,
}

/// Counts a page in the job's numbers, up to the first event that must wait. `went` has one for
/// each event that was to move, in order.
pub(super) fn count(job: &mut Job, looks: &[Look], went: Vec<Went>) -> Counted {
    let mut counted = Counted::default();
    let mut went = went.into_iter();
    for look in looks {
        let went = if look.fate == Fate::Move { went.next() } else { None };
        if counted.held.is_some() {
            if matches!(went, Some(Went::Placed)) {
                counted.ahead.push(look.cursor);
            }
            continue;
        }
        if let Some(Went::Wait(note, wait)) = went {
            job.note = Some(note);
            counted.held = Some(look.cursor);
            counted.wait = Some(wait);
            continue;
        }
        job.counts.read += 1;
        job.counts.matched += u64::from(look.fate != Fate::Pass);
        counted.last = Some(look.cursor);
        match (look.fate, went) {
            (Fate::Pass, _) => {}
            (Fate::Left, _) => job.counts.left += 1,
            (_, Some(Went::Placed)) => job.counts.moved += 1,
            (_, went) => {
                job.counts.failed += 1;
                if let Some(Went::Refused(note)) = went {
                    job.note = Some(note);
                }
            }
        }
    }
    counted
}

/// An event that a redrive would move.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    cursor: String,
    id: String,
    source: String,
    r#type: String,
    cause: Option<&'static str>,
    reason: Option<String>,
    origin: Option<String>,
}

impl Sample {
    pub(super) fn new(cursor: Cursor, event: &Event, letter: Option<&Letter>) -> Self {
        Self {
            cursor: cursor.to_string(),
            id: event.id.to_string(),
            source: event.source.to_string(),
            r#type: event.kind.clone(),
            cause: letter.map(|letter| letter.cause.code()),
            reason: letter.map(|letter| letter.reason.clone()),
            origin: letter.and_then(|letter| letter.origin.as_ref()).map(ToString::to_string),
        }
    }
}

/// Events that are looked at together, at most.
pub(super) const PAGE_MAX: usize = 500;

/// Samples that a dry run tells.
pub(super) const SAMPLES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Stamp, machine_clock};
    use crate::jobs::task::{LettersAsk, Task};

    fn cursor(at: u16) -> Cursor {
        format!("0000000100000040-{at}").parse().unwrap()
    }

    #[test]
    fn a_page_is_counted_up_to_the_first_event_that_must_wait() {
        let task = Task::Redrive { queue: "q".into(), ask: LettersAsk::default() };
        let arrival = Stamp::new(machine_clock()).arrival();
        let mut job = Job::new(arrival, task, None, cursor(99));
        let fates =
            [Fate::Pass, Fate::Move, Fate::Left, Fate::Move, Fate::Damaged, Fate::Move, Fate::Move];
        let looks: Vec<Look> = fates
            .iter()
            .zip(0..)
            .map(|(fate, at)| Look { cursor: cursor(at), fate: *fate })
            .collect();
        let note = || Note::new("queue_full", &"full");
        let wait = Duration::from_secs(5);
        let went =
            vec![Went::Placed, Went::Refused(note()), Went::Wait(note(), wait), Went::Placed];
        let counted = count(&mut job, &looks, went);
        assert_eq!((counted.held, counted.last), (Some(cursor(5)), Some(cursor(4))));
        assert_eq!((counted.ahead, counted.wait), (vec![cursor(6)], Some(wait)));
        let counts = job.counts;
        assert_eq!((counts.read, counts.matched, counts.moved), (5, 4, 1));
        assert_eq!((counts.left, counts.failed), (1, 2));
    }
}
