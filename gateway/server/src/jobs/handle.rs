//! What the hall and the API hold: start, look at, cancel and resume jobs.
//!
//! A job that was started, cancelled or resumed is so on disk before the answer.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueFault;
use sluicegate_core::time::Clock;
use sluicegate_queue::{Cursor, Store};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::board::{Board, Entry, Shown};
use super::folder::Folder;
use super::job::{Job, JobId, State};
use super::letters::Sweep;
use super::page::{PAGE_MAX, Sample};
use super::task::{Act, From, LettersAsk, ReplayAsk, Task, TaskFault, Work};
use crate::clock::Stamp;
use crate::pipeline::Pipeline;

/// The jobs of a gateway.
pub struct Jobs {
    pub(super) rooms: Rooms,
    folder: Arc<Folder>,
    board: Mutex<Board>,
    /// Who holds it writes files: what the board says last is written last.
    files: AsyncMutex<()>,
    /// There may be a job to work on.
    pub(super) changed: Notify,
}

/// What a page needs.
pub(super) struct Rooms {
    pub(super) store: Arc<Store>,
    pub(super) line: Arc<Pipeline>,
    pub(super) stamp: Stamp,
}

/// What became of a redrive that was answered at once.
#[derive(Debug, Default)]
pub struct Swept {
    /// Letters that were moved; of a dry run, that would be.
    pub moved: u64,
    /// Letters that were meant and stay: they never reached a queue, or a consumer holds them.
    pub left: u64,
    /// Letters that were gone or damaged when their turn came.
    pub failed: u64,
    /// The first of them, of a dry run.
    pub first: Vec<Sample>,
}

/// Why a job was not started, cancelled or resumed.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// It makes no sense.
    #[error("{0}")]
    Task(#[from] TaskFault),
    /// The engine says no.
    #[error("{0}")]
    Queue(#[from] QueueFault),
    /// There are too many that did not end yet.
    #[error("{UNFINISHED_MAX} jobs have not ended yet: wait, or cancel one")]
    TooMany,
    /// There is no such job, or it ended long ago.
    #[error("no job has this id")]
    NotFound,
    /// It is not in a state for this.
    #[error("job is {}", .0.word())]
    WrongState(State),
    /// It could not be written down.
    #[error("failed to write the job down: {0}")]
    File(#[source] io::Error),
}

impl JobFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Task(_) => "job_invalid",
            Self::Queue(fault) => fault.code(),
            Self::TooMany => "jobs_too_many",
            Self::NotFound => "job_not_found",
            Self::WrongState(_) => "job_state",
            Self::File(_) => "job_not_saved",
        }
    }
}

impl Jobs {
    /// Reads the jobs of a data folder; those that did not end go on with [`Jobs::run`].
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(
        data: &Path,
        store: Arc<Store>,
        line: Arc<Pipeline>,
        clock: Clock,
    ) -> io::Result<Self> {
        let (folder, found) = Folder::open(data.join("jobs"))?;
        let rooms = Rooms { store, line, stamp: Stamp::new(clock) };
        let mut board = Board::default();
        for job in found {
            match job.task.compile() {
                Ok(work) => board.insert(Entry::new(job, Arc::new(work))),
                Err(why) => {
                    tracing::error!(job = %job.id, %why, "a job is not understood: set aside");
                    folder.set_aside(job.id)?;
                }
            }
        }
        let folder = Arc::new(folder);
        let (board, files) = (Mutex::new(board), AsyncMutex::new(()));
        Ok(Self { rooms, folder, board, files, changed: Notify::new() })
    }

    /// Starts a job. It is written down when this returns.
    ///
    /// # Errors
    /// When it makes no sense, there are too many, or it cannot be written down.
    pub async fn start(&self, task: Task) -> Result<Shown, JobFault> {
        let work = task.compile()?;
        self.queues_are_there(&work)?;
        let end = self.rooms.store.end().await?;
        let job = Job::new(self.rooms.stamp.arrival(), task, self.beginning(&work), end);
        let id = job.id;
        {
            let mut board = self.board();
            if board.unfinished() >= UNFINISHED_MAX {
                return Err(JobFault::TooMany);
            }
            board.insert(Entry::new(job, Arc::new(work)));
        }
        if let Err(fault) = self.save(id).await {
            self.board().remove(id);
            return Err(fault);
        }
        tracing::info!(job = %id, "job started");
        self.changed.notify_one();
        self.get(id)
    }

    /// Fills a queue with the past: a queue that was made just now, from this time (RFC 3339) or
    /// cursor on, with the events that match this pattern.
    ///
    /// # Errors
    /// As for [`Jobs::start`].
    pub async fn fill(
        &self,
        queue: &QueueName,
        from: &str,
        when: Option<Value>,
    ) -> Result<Shown, JobFault> {
        let ask = ReplayAsk {
            from: Some(from.to_owned()),
            when,
            queue: Some(queue.to_string()),
            ..ReplayAsk::default()
        };
        self.start(Task::Replay { ask }).await
    }

    /// All jobs, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Shown> {
        self.board().shown(self.rooms.stamp.now())
    }

    /// A job.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn get(&self, id: JobId) -> Result<Shown, JobFault> {
        self.board().show(id, self.rooms.stamp.now()).ok_or(JobFault::NotFound)
    }

    /// Stops a job; the page that is under way is finished.
    ///
    /// # Errors
    /// When there is none, or it has ended.
    pub async fn cancel(&self, id: JobId) -> Result<Shown, JobFault> {
        self.change(id, State::Cancelled, |state| state == State::Running).await
    }

    /// Lets a job that was cancelled or failed go on where it stood.
    ///
    /// # Errors
    /// When there is none, it runs or is done, or there are too many that run.
    pub async fn resume(&self, id: JobId) -> Result<Shown, JobFault> {
        if self.board().unfinished() >= UNFINISHED_MAX {
            return Err(JobFault::TooMany);
        }
        let stopped = |state| matches!(state, State::Cancelled | State::Failed);
        self.change(id, State::Running, stopped).await
    }

    async fn change(
        &self,
        id: JobId,
        to: State,
        may: impl Fn(State) -> bool,
    ) -> Result<Shown, JobFault> {
        {
            let mut board = self.board();
            let entry = board.get(id).ok_or(JobFault::NotFound)?;
            let state = entry.job.state;
            if !may(state) {
                return Err(JobFault::WrongState(state));
            }
            entry.job.end_as(to, self.rooms.stamp.arrival().at);
            entry.job.note = None;
        }
        self.save(id).await?;
        tracing::info!(job = %id, state = to.word(), "job changed");
        self.changed.notify_one();
        self.get(id)
    }

    /// Redrives what is asked at once, or counts it. What is moved comes back behind the end, so
    /// that this ends.
    ///
    /// # Errors
    /// When it makes no sense, or the engine says no; what was moved until then is moved.
    pub async fn sweep(&self, queue: &QueueName, ask: LettersAsk) -> Result<Swept, JobFault> {
        let task = Task::Redrive { queue: queue.to_string(), ask };
        let work = task.compile()?;
        let sweep = Sweep::back(&self.rooms.store, queue)?;
        let end = self.rooms.store.end().await?;
        let mut job = Job::new(self.rooms.stamp.arrival(), task, None, end);
        let mut first = Vec::new();
        loop {
            let quota = quota(&work, &job);
            let page = sweep.page(&self.rooms, &work, &mut job, quota, &mut first).await?;
            if page.finished || job.counts.moved >= work.max {
                let counts = job.counts;
                let (moved, left, failed) = (counts.moved, counts.left, counts.failed);
                return Ok(Swept { moved, left, failed, first });
            }
        }
    }

    fn queues_are_there(&self, work: &Work) -> Result<(), QueueFault> {
        let queues = self.rooms.store.queues();
        let named = match &work.act {
            Act::Redrive(queue) | Act::QueueReplay(queue) | Act::Place { to: queue, .. } => {
                Some(queue)
            }
            Act::Line { .. } => None,
        };
        let there = |name: &QueueName| queues.iter().any(|info| info.config.name == *name);
        let all = named.into_iter().chain(&work.filter.placed_in).all(there);
        if all { Ok(()) } else { Err(QueueFault::NoQueue) }
    }

    /// Where its first page begins.
    fn beginning(&self, work: &Work) -> Option<Cursor> {
        match work.act {
            Act::Redrive(_) | Act::QueueReplay(_) => None,
            Act::Place { from, .. } | Act::Line { from } => match from {
                From::Time(time) => self.rooms.store.seek(time),
                From::Cursor(cursor) => Some(cursor),
            },
        }
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        // No code panics with the lock held; if one did, the board is whole all the same.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a job down as the board has it.
    pub(super) async fn save(&self, id: JobId) -> Result<(), JobFault> {
        let _turn = self.files.lock().await;
        let Some(job) = self.board().get(id).map(|entry| entry.job.clone()) else { return Ok(()) };
        let folder = Arc::clone(&self.folder);
        let saved = tokio::task::spawn_blocking(move || folder.save(&job)).await;
        saved.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(JobFault::File)
    }

    /// Forgets jobs that ended long ago, with their files.
    pub(super) async fn forget_old(&self) {
        let gone = self.board().forget(self.rooms.stamp.arrival().at);
        if gone.is_empty() {
            return;
        }
        let _turn = self.files.lock().await;
        let folder = Arc::clone(&self.folder);
        let remove = move || gone.into_iter().try_for_each(|id| folder.remove(id));
        let removed = tokio::task::spawn_blocking(remove).await;
        if let Err(fault) = removed.unwrap_or_else(|fault| Err(io::Error::other(fault))) {
            tracing::warn!(%fault, "the file of a job that ended cannot be removed");
        }
    }
}

/// Events that the next page may move.
pub(super) fn quota(work: &Work, job: &Job) -> usize {
    let room = work.max.saturating_sub(job.counts.moved);
    let smooth = work.rate.map_or(PAGE_MAX, |rate| (rate / 10).max(1) as usize);
    smooth.min(PAGE_MAX).min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Jobs that have not ended, at most.
const UNFINISHED_MAX: usize = 16;
