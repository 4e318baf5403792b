//! A page of a queue's events: dead letters on their way back to the queues that gave them up, or
//! events on their way through the line.
//!
//! It never looks beyond the end that the job was made with: what it moved itself lies there.

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{QueueFault, Standing};
use sluicegate_core::seams::Engine as _;
use sluicegate_queue::{Browsed, Cursor, Store};

use super::again::{Stored, through_line};
use super::handle::Rooms;
use super::job::{Job, Note};
use super::page::{Counted, Fate, Look, PAGE_MAX, Page, SAMPLES, Sample, Went, count};
use super::task::Work;

/// The queue that is worked on, and what is done with its events.
pub(super) struct Sweep {
    /// Where the events lie.
    queue: QueueName,
    /// The queue that gave them up, if only its letters are meant.
    origin: Option<QueueName>,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Line,
}

impl Sweep {
    /// Letters back to where they came from: those of a dead-letter queue, or of the queue itself.
    pub(super) fn back(store: &Store, queue: &QueueName) -> Result<Self, QueueFault> {
        let queues = store.queues();
        let own = queues.iter().find(|info| info.config.name == *queue);
        let own = own.ok_or(QueueFault::NoQueue)?;
        let named = queues.iter().any(|info| {
            info.config.dead_letter == *queue && info.config.name != info.config.dead_letter
        });
        let dead = &own.config.dead_letter;
        let there = queues.iter().any(|info| info.config.name == *dead);
        Ok(if named || dead == queue || !there {
            Self { queue: queue.clone(), origin: None, way: Way::Back }
        } else {
            Self { queue: dead.clone(), origin: Some(queue.clone()), way: Way::Back }
        })
    }

    /// The events of a queue through the line.
    pub(super) fn line(queue: &QueueName) -> Self {
        Self { queue: queue.clone(), origin: None, way: Way::Line }
    }

    /// Does a page: moves at most `quota` events.
    pub(super) async fn page(
        &self,
        rooms: &Rooms,
        work: &Work,
        job: &mut Job,
        quota: usize,
        samples: &mut Vec<Sample>,
    ) -> Result<Page, QueueFault> {
        if job.total == 0 {
            job.total = self.depth(rooms).await.max(1);
        }
        let len = quota.saturating_mul(4).clamp(32, PAGE_MAX);
        let events = rooms.store.browse(&self.queue, job.at, len).await?;
        let nothing = events.is_empty();
        let (looks, chosen) = self.look(rooms, work, job.end, events, quota);
        let went = self.move_all(rooms, work, job, chosen, samples).await?;
        let Counted { held, last, ahead, wait } = count(job, &looks.all, went);
        let ahead = ahead.len() as u64;
        job.counts.read += ahead;
        job.counts.matched += ahead;
        job.counts.moved += ahead;
        job.done = job.counts.read;
        job.at = last.or(job.at);
        let finished = (nothing || looks.beyond_end) && held.is_none();
        Ok(Page { finished, wait })
    }

    async fn depth(&self, rooms: &Rooms) -> u64 {
        let all = rooms.store.stats().await;
        all.iter().find(|(name, _)| *name == self.queue).map_or(0, |(_, stats)| stats.depth)
    }

    fn look(
        &self,
        rooms: &Rooms,
        work: &Work,
        end: Option<Cursor>,
        events: Vec<Browsed>,
        quota: usize,
    ) -> (Looks, Vec<Browsed>) {
        let mut looks = Looks::default();
        let mut chosen = Vec::new();
        let mut rest = events.into_iter();
        while chosen.len() < quota {
            let Some(one) = rest.next() else { break };
            if end.is_some_and(|end| one.cursor >= end) {
                looks.beyond_end = true;
                return (looks, chosen);
            }
            let fate = self.fate(rooms, work, &one);
            looks.all.push(Look { cursor: one.cursor, fate });
            if fate == Fate::Move {
                chosen.push(one);
            }
        }
        (looks, chosen)
    }

    fn fate(&self, rooms: &Rooms, work: &Work, one: &Browsed) -> Fate {
        let letter = one.letter.as_ref();
        let origin = letter.and_then(|letter| letter.origin.as_ref());
        if self.origin.is_some() && origin != self.origin.as_ref() {
            return Fate::Pass;
        }
        let Some(event) = &one.event else { return Fate::Damaged };
        if !work.filter.takes(&rooms.line, event, letter, &[]) {
            return Fate::Pass;
        }
        let can_go = match self.way {
            Way::Back => origin.is_some(),
            // What a filter made must not go through that filter again.
            Way::Line => event.id.part_number() == 0,
        };
        let is_free = !matches!(one.standing, Standing::Leased(_));
        if can_go && is_free { Fate::Move } else { Fate::Left }
    }

    async fn move_all(
        &self,
        rooms: &Rooms,
        work: &Work,
        job: &Job,
        chosen: Vec<Browsed>,
        samples: &mut Vec<Sample>,
    ) -> Result<Vec<Went>, QueueFault> {
        let cursors: Vec<Cursor> = chosen.iter().map(|one| one.cursor).collect();
        if work.dry_run {
            let room = SAMPLES.saturating_sub(samples.len());
            samples.extend(chosen.iter().take(room).filter_map(|one| {
                Some(Sample::new(one.cursor, one.event.as_ref()?, one.letter.as_ref()))
            }));
            return Ok(cursors.iter().map(|_| Went::Placed).collect());
        }
        if cursors.is_empty() {
            return Ok(Vec::new());
        }
        if self.way == Way::Back {
            let moved = rooms.store.redrive_these(&self.queue, &cursors).await?;
            let moved = usize::try_from(moved).unwrap_or(usize::MAX);
            let went = |at| if at < moved { Went::Placed } else { Went::Refused(stayed()) };
            return Ok((0..cursors.len()).map(went).collect());
        }
        self.move_through_line(rooms, job, chosen, &cursors).await
    }

    async fn move_through_line(
        &self,
        rooms: &Rooms,
        job: &Job,
        chosen: Vec<Browsed>,
        cursors: &[Cursor],
    ) -> Result<Vec<Went>, QueueFault> {
        let mut verdicts = rooms.store.verdicts(&self.queue, cursors).await?;
        let stored = chosen.into_iter().map(|one| {
            let verdict = verdicts.remove(&one.cursor)?;
            Some(Stored { event: one.event?, verdict, letter: one.letter })
        });
        let now = rooms.stamp.arrival().at;
        let went = through_line(&rooms.line, job.id, now, stored.collect()).await;
        let placed = cursors.iter().zip(&went).filter(|(_, went)| matches!(went, Went::Placed));
        let placed: Vec<Cursor> = placed.map(|(cursor, _)| *cursor).collect();
        if !placed.is_empty() {
            rooms.store.discard(&self.queue, &placed).await?;
        }
        Ok(went)
    }
}

/// What was looked at.
#[derive(Default)]
struct Looks {
    all: Vec<Look>,
    /// An event was met that came after the job was made.
    beyond_end: bool,
}

fn stayed() -> Note {
    Note::new("letter_stayed", &"a consumer took it, or it is gone")
}
