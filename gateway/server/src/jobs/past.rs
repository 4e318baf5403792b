//! A page of the past: events of the log that are placed in a queue once more, by reference, or
//! taken through the line.
//!
//! It never looks beyond the end that the job was made with: what it placed itself lies there.

use std::collections::HashSet;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueFault;
use sluicegate_queue::{Cursor, PastEvent};

use super::again::{Stored, through_line};
use super::handle::Rooms;
use super::job::{Job, Note};
use super::page::{Fate, Look, PAGE_MAX, Page, Went, count};
use super::task::{Act, Work};

/// What a job keeps in memory between its pages.
#[derive(Debug, Default)]
pub(super) struct Ahead(HashSet<Cursor>);

/// Does a page: places at most `quota` events.
pub(super) async fn page(
    rooms: &Rooms,
    work: &Work,
    job: &mut Job,
    quota: usize,
    ahead: &mut Ahead,
) -> Result<Page, QueueFault> {
    let (Some(at), Some(end)) = (job.at, job.end) else {
        return Ok(Page { finished: true, wait: None });
    };
    let part = rooms.store.past(at, bytes(quota)).await?;
    let base = *job.base.get_or_insert(part.bytes_done);
    job.total = job.total.max(part.bytes_total.saturating_sub(base)).max(1);
    job.done = part.bytes_done.saturating_sub(base).max(job.done);
    let mut next = part.next;
    let (mut looks, mut chosen) = (Vec::new(), Vec::new());
    for one in part.events.into_iter().filter(|one| one.cursor >= at) {
        if one.cursor >= end {
            next = None;
            break;
        }
        if chosen.len() >= quota {
            next = Some(one.cursor);
            break;
        }
        let fate = fate(rooms, work, &one);
        looks.push(Look { cursor: one.cursor, fate });
        if fate == Fate::Move {
            chosen.push(one);
        }
    }
    let went = place(rooms, work, job, chosen, ahead).await?;
    let counted = count(job, &looks, went);
    ahead.0.extend(counted.ahead);
    let next = counted.held.or(next).filter(|next| *next < end);
    job.at = next;
    Ok(Page { finished: next.is_none(), wait: counted.wait })
}

fn fate(rooms: &Rooms, work: &Work, one: &PastEvent) -> Fate {
    if !work.filter.takes(&rooms.line, &one.event, one.letter.as_ref(), &one.queues) {
        return Fate::Pass;
    }
    let can_go = one.received || !matches!(work.act, Act::Line { .. });
    if can_go { Fate::Move } else { Fate::Left }
}

/// Places these events: one outcome for each, in order. Those that were placed ahead are not
/// placed again.
async fn place(
    rooms: &Rooms,
    work: &Work,
    job: &Job,
    chosen: Vec<PastEvent>,
    ahead: &mut Ahead,
) -> Result<Vec<Went>, QueueFault> {
    if work.dry_run {
        return Ok(chosen.iter().map(|_| Went::Placed).collect());
    }
    let done: Vec<bool> = chosen.iter().map(|one| ahead.0.remove(&one.cursor)).collect();
    let fresh = chosen.into_iter().zip(&done).filter(|(_, done)| !**done).map(|(one, _)| one);
    let fresh = match &work.act {
        Act::Place { to, .. } => by_reference(rooms, to, fresh).await?,
        _ => {
            let stored = |one: PastEvent| {
                Some(Stored { event: one.event, verdict: one.verdict, letter: one.letter })
            };
            let now = rooms.stamp.arrival().at;
            through_line(&rooms.line, job.id, now, fresh.map(stored).collect()).await
        }
    };
    let mut fresh = fresh.into_iter();
    let went = |done| if done { Some(Went::Placed) } else { fresh.next() };
    Ok(done.into_iter().filter_map(went).collect())
}

async fn by_reference(
    rooms: &Rooms,
    to: &QueueName,
    events: impl Iterator<Item = PastEvent>,
) -> Result<Vec<Went>, QueueFault> {
    let all: Vec<(Cursor, QueueName)> = events.map(|one| (one.cursor, to.clone())).collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    match rooms.store.place_again(&all).await {
        Ok(()) => return Ok(all.iter().map(|_| Went::Placed).collect()),
        Err(QueueFault::Gone) => {}
        Err(fault) => return Err(fault),
    }
    // Retention took some of them meanwhile: the others are placed one by one.
    let mut went = Vec::with_capacity(all.len());
    for one in all {
        match rooms.store.place_again(&[one]).await {
            Ok(()) => went.push(Went::Placed),
            Err(fault @ QueueFault::Gone) => {
                went.push(Went::Refused(Note::new(fault.code(), &fault)));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(went)
}

/// How much of the log is read for so many events.
fn bytes(quota: usize) -> usize {
    quota.saturating_mul(BYTES_FOR_ONE).clamp(BYTES_MIN, BYTES_MAX)
}

const BYTES_FOR_ONE: usize = 4 * 1024;
const BYTES_MIN: usize = 64 * 1024;
const BYTES_MAX: usize = 1024 * 1024;
const _: () = assert!(BYTES_FOR_ONE * PAGE_MAX >= BYTES_MAX, "a whole page reads the most");
