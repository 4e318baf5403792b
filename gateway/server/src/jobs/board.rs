//! The jobs in memory: whose turn it is, and which may be forgotten. Pure: time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Timestamp;

use super::job::{Job, JobId, State};
use super::past::Ahead;
use super::task::Work;

/// The jobs in memory.
#[derive(Debug, Default)]
pub(super) struct Board {
    entries: BTreeMap<JobId, Entry>,
}

/// A job, and what is not in its file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) job: Job,
    pub(super) work: Arc<Work>,
    /// When its next page may begin, by the steady clock.
    pub(super) due: Timestamp,
    /// Where it stood when this process began to work on it.
    began: Option<Began>,
    /// Taken out while a page is under way.
    pub(super) ahead: Ahead,
    /// Its file does not hold its last page.
    pub(super) unsaved: bool,
    /// Its last page was pushed back.
    pub(super) waits: bool,
}

#[derive(Debug, Clone, Copy)]
struct Began {
    at: Timestamp,
    moved: u64,
    progress: f64,
}

/// A job as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The job.
    pub job: Job,
    /// Events moved in a second, since this process works on it.
    pub rate: f64,
    /// How long it will take at this pace, if that can be told.
    pub eta: Option<Duration>,
}

impl Entry {
    pub(super) fn new(job: Job, work: Arc<Work>) -> Self {
        Self {
            job,
            work,
            due: Timestamp::default(),
            began: None,
            ahead: Ahead::default(),
            unsaved: false,
            waits: false,
        }
    }

    /// A page begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let (moved, progress) = (self.job.counts.moved, self.job.progress());
        self.began.get_or_insert(Began { at: now, moved, progress });
        // What was not moved while nothing was to be moved is not made up for.
        let earliest = Timestamp::from_unix_ns(now.unix_ns().saturating_sub(CATCH_UP_NS));
        self.due = self.due.max(earliest);
    }

    /// The next page begins when so many events may have moved at the job's rate.
    pub(super) fn pace(&mut self, moved: u64, now: Timestamp) {
        let took = self.work.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(
                f64::from(u32::try_from(moved).unwrap_or(u32::MAX)) / f64::from(rate),
            )
        });
        // A page that took longer than its share is made up for.
        let from = if self.work.rate.is_some() { self.due } else { now };
        self.due = from.plus(took);
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is shown to a person")]
    fn shown(&self, now: Timestamp) -> Shown {
        let job = self.job.clone();
        let Some(began) = self.began else { return Shown { job, rate: 0.0, eta: None } };
        let seconds = now.since(began.at).as_secs_f64();
        let rate = job.counts.moved.saturating_sub(began.moved) as f64 / seconds.max(0.001);
        let (progress, gained) = (job.progress(), job.progress() - began.progress);
        let left = (1.0 - progress) / gained * seconds;
        let known = job.state == State::Running && left.is_finite() && left < ETA_MAX_S;
        Shown { job, rate, eta: known.then(|| Duration::from_secs_f64(left.max(0.0))) }
    }
}

impl Board {
    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.job.id, entry);
    }

    pub(super) fn remove(&mut self, id: JobId) {
        self.entries.remove(&id);
    }

    pub(super) fn get(&mut self, id: JobId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// All jobs, newest first.
    pub(super) fn shown(&self, now: Timestamp) -> Vec<Shown> {
        self.entries.values().rev().map(|entry| entry.shown(now)).collect()
    }

    pub(super) fn show(&self, id: JobId, now: Timestamp) -> Option<Shown> {
        self.entries.get(&id).map(|entry| entry.shown(now))
    }

    pub(super) fn unfinished(&self) -> usize {
        self.running().count()
    }

    /// The job whose page is due first, and when that is.
    pub(super) fn next(&self) -> Option<(JobId, Timestamp)> {
        let first = self.running().min_by_key(|(id, entry)| (entry.due, **id));
        first.map(|(id, entry)| (*id, entry.due))
    }

    fn running(&self) -> impl Iterator<Item = (&JobId, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.job.state == State::Running)
    }

    /// Forgets jobs that ended more than a day ago, or before the last hundred. Returns them.
    pub(super) fn forget(&mut self, wall: Timestamp) -> Vec<JobId> {
        let old = wall.unix_ms().saturating_sub(KEPT_MS);
        let mut ended: Vec<(u64, JobId)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.job.state != State::Running)
            .map(|(id, entry)| (entry.job.ended_ms.unwrap_or(0), *id))
            .collect();
        ended.sort_unstable();
        let over = ended.len().saturating_sub(KEPT_MAX);
        let gone = ended.into_iter().enumerate().filter(|(at, (ms, _))| *at < over || *ms < old);
        let gone: Vec<JobId> = gone.map(|(_, (_, id))| id).collect();
        gone.iter().for_each(|id| self.remove(*id));
        gone
    }
}

/// Jobs that ended are kept for a day.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// Jobs that ended are kept at most so many.
const KEPT_MAX: usize = 100;

/// A page that began so late is made up for: more would be a burst.
const CATCH_UP_NS: u64 = 100_000_000;
const ETA_MAX_S: f64 = 365.0 * 24.0 * 60.0 * 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Stamp, machine_clock};
    use crate::jobs::task::{LettersAsk, Task};

    fn entry(stamp: &Stamp, rate: Option<u32>) -> Entry {
        let ask = LettersAsk { rate, ..LettersAsk::default() };
        let task = Task::Redrive { queue: "q".into(), ask };
        let work = Arc::new(task.compile().unwrap());
        let end = "0000000100000040-1".parse().unwrap();
        Entry::new(Job::new(stamp.arrival(), task, None, end), work)
    }

    #[test]
    fn jobs_take_turns_and_a_rate_is_held_over_time() {
        let stamp = Stamp::new(machine_clock());
        let mut board = Board::default();
        let (slow, fast) = (entry(&stamp, Some(10)), entry(&stamp, None));
        let ids = [slow.job.id, fast.job.id];
        board.insert(slow);
        board.insert(fast);
        let mut now = Timestamp::from_unix_ms(1_000_000);
        let mut moved = [0_u64, 0];
        let mut times = Vec::new();
        for _ in 0..2_000 {
            let (id, due) = board.next().unwrap();
            now = now.max(due).plus(Duration::from_millis(10));
            let entry = board.get(id).unwrap();
            entry.begin(now);
            entry.pace(1, now);
            moved[usize::from(id == ids[1])] += 1;
            if id == ids[0] {
                times.push(now);
            }
        }
        // Two at once at the start, at most.
        assert!(times[2].since(times[0]) >= Duration::from_millis(80), "{times:?}");
        // Ten in a second, over twenty seconds of pages of ten milliseconds.
        assert!((190..=215).contains(&moved[0]), "{moved:?}");
    }

    #[test]
    fn jobs_that_ended_long_ago_are_forgotten_and_running_ones_never() {
        let stamp = Stamp::new(machine_clock());
        let mut board = Board::default();
        let now = Timestamp::from_unix_ms(10 * KEPT_MS);
        for at in 0..KEPT_MAX as u64 + 20 {
            let mut one = entry(&stamp, None);
            one.job.end_as(State::Done, now);
            one.job.ended_ms = Some(now.unix_ms() - at);
            board.insert(one);
        }
        let mut old = entry(&stamp, None);
        old.job.end_as(State::Cancelled, Timestamp::from_unix_ms(5));
        board.insert(old);
        board.insert(entry(&stamp, None));
        assert_eq!(board.forget(now).len(), 21);
        assert_eq!(board.shown(now).len(), KEPT_MAX + 1);
        assert_eq!((board.unfinished(), board.forget(now).len()), (1, 0));
    }
}
