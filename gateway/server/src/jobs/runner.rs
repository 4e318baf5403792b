//! The one task that works on jobs: a page of the job that is due first, then its note, then the
//! next. A slow job does not keep others waiting.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::queue::QueueFault;
use tokio::sync::watch;

use super::handle::{Jobs, quota};
use super::job::{Job, JobId, Note, State};
use super::letters::Sweep;
use super::page::Page;
use super::past::{self, Ahead};
use super::task::{Act, Work};

impl Jobs {
    /// Works on jobs until `stop` says so; a page that is under way is finished first.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            self.forget_old().await;
            let next = self.board().next();
            let now = self.rooms.stamp.now();
            let wait = next.map_or(IDLE, |(_, due)| due.since(now));
            tokio::select! {
                biased;
                // The sender lives as long as the hall.
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.changed.notified() => continue,
                () = tokio::time::sleep(wait) => {}
            }
            if let Some((id, _)) = next {
                self.step(id).await;
            }
        }
    }

    /// Does one page of a job, and notes it.
    async fn step(&self, id: JobId) {
        let now = self.rooms.stamp.now();
        let (mut job, work, mut ahead, unsaved) = {
            let mut board = self.board();
            let Some(entry) = board.get(id) else { return };
            entry.begin(now);
            if std::mem::take(&mut entry.waits) {
                entry.job.note = None;
            }
            let ahead = std::mem::take(&mut entry.ahead);
            (entry.job.clone(), Arc::clone(&entry.work), ahead, entry.unsaved)
        };
        // Pages that are not noted would all be placed again after a crash: at most one is.
        let done = if unsaved {
            Ok(Page::default())
        } else {
            self.page(&work, &mut job, &mut ahead).await
        };
        let wait = self.judge(&work, &mut job, done);
        self.put(job, ahead, wait);
        let saved = self.save(id).await;
        if let Err(fault) = &saved {
            tracing::error!(job = %id, %fault, "job is held up");
        }
        let mut board = self.board();
        if let Some(entry) = board.get(id) {
            entry.unsaved = saved.is_err();
            if entry.unsaved {
                entry.due = self.rooms.stamp.now().plus(TRY_AGAIN);
            }
        }
    }

    async fn page(
        &self,
        work: &Work,
        job: &mut Job,
        ahead: &mut Ahead,
    ) -> Result<Page, QueueFault> {
        let (rooms, quota) = (&self.rooms, quota(work, job));
        let sweep = match &work.act {
            Act::Redrive(queue) => Sweep::back(&rooms.store, queue)?,
            Act::QueueReplay(queue) => Sweep::line(queue),
            Act::Place { .. } | Act::Line { .. } => {
                return past::page(rooms, work, job, quota, ahead).await;
            }
        };
        sweep.page(rooms, work, job, quota, &mut Vec::new()).await
    }

    /// What a page means for the job; how long it must wait, if something pushed back.
    fn judge(
        &self,
        work: &Work,
        job: &mut Job,
        done: Result<Page, QueueFault>,
    ) -> Option<Duration> {
        let now = self.rooms.stamp.arrival().at;
        match done {
            Ok(page) if page.finished || job.counts.moved >= work.max => {
                job.end_as(State::Done, now);
                let counts = job.counts;
                let (moved, left, failed) = (counts.moved, counts.left, counts.failed);
                tracing::info!(job = %job.id, moved, left, failed, "job done");
                None
            }
            Ok(page) => page.wait,
            Err(fault @ (QueueFault::StoreUnavailable { .. } | QueueFault::Stopping)) => {
                job.note = Some(Note::new(fault.code(), &fault));
                Some(TRY_AGAIN)
            }
            Err(fault) => {
                tracing::warn!(job = %job.id, %fault, "job failed");
                job.note = Some(Note::new(fault.code(), &fault));
                job.end_as(State::Failed, now);
                None
            }
        }
    }

    /// Puts a job back on the board. If it was cancelled meanwhile, it stays so.
    fn put(&self, job: Job, ahead: Ahead, wait: Option<Duration>) {
        let now = self.rooms.stamp.now();
        let mut board = self.board();
        let Some(entry) = board.get(job.id) else { return };
        let moved = job.counts.moved.saturating_sub(entry.job.counts.moved);
        let (state, ended_ms) = (entry.job.state, entry.job.ended_ms);
        entry.job = job;
        if state == State::Cancelled && entry.job.state == State::Running {
            (entry.job.state, entry.job.ended_ms) = (state, ended_ms);
        }
        entry.ahead = ahead;
        entry.waits = wait.is_some();
        entry.pace(moved, now);
        if let Some(wait) = wait {
            entry.due = entry.due.max(now.plus(wait));
        }
    }
}

/// How long before what failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// With nothing to do, old jobs are looked for so often.
const IDLE: Duration = Duration::from_secs(600);
