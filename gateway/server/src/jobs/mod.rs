//! Jobs: long work on queues that an operator asked for. It is held to a rate, shows its progress,
//! can be cancelled and resumed, and goes on after a restart.
//!
//! `task` is what is asked; `job` is where it stands, and what its file holds; `folder` keeps the
//! files; `board` holds the jobs in memory; `jobs` is what the hall and the API hold; `runner` does
//! one page of one job after the other. A page is one of `letters` (a queue's events: redriven, or
//! taken through the line) or `past` (the log's events: placed again, or taken through the line);
//! `again` is the way of one stored event back into the line; `filter` says which events are meant.

mod again;
mod board;
mod filter;
mod folder;
mod handle;
mod job;
mod letters;
mod page;
mod past;
mod runner;
mod task;

pub use again::REPLAY_ATTRIBUTE;
pub use board::Shown;
pub use handle::{JobFault, Jobs, Swept};
pub use job::{Counts, Job, JobId, JobIdError, Note, State};
pub use page::Sample;
pub use task::{LettersAsk, ReplayAsk, Task, TaskFault, Through};
