//! The shelf of the depot: what is ready, what is to be done next, and how the disk stands. It
//! decides; it never touches the disk.

use std::io;
use std::sync::Arc;

use super::room::says_full;
use super::yard::Prepared;
use crate::disk::DiskFile;

pub(super) struct Shelf {
    /// The number of the next segment.
    pub(super) next: u32,
    pub(super) ready: Option<Prepared>,
    pub(super) standing: Standing,
    /// There was no space when a segment was last wanted. Still so while it is looked for again.
    pub(super) short: bool,
    /// Somebody waits for a small segment.
    pub(super) small_wanted: bool,
    /// The ballast is known to be there. It is not looked for before the first segment is made:
    /// on a full disk that one needs it.
    pub(super) ballast: bool,
    pub(super) first_taken: bool,
    /// Segments to be cut to their length.
    pub(super) sealed: Vec<(Arc<dyn DiskFile>, u64)>,
    /// A thread does the work.
    pub(super) manned: bool,
    pub(super) closed: bool,
}

pub(super) enum Standing {
    /// Segments can be made, as far as is known.
    Open,
    /// There is no space for a regular one.
    Full,
    /// Nor for a small one.
    Exhausted,
    /// The disk failed.
    Failed(io::Error),
}

pub(super) enum Job {
    Cut(Vec<(Arc<dyn DiskFile>, u64)>),
    Ballast,
    Regular(u32),
    Small(u32),
}

pub(super) enum Done {
    Cut,
    Ballast(io::Result<()>),
    Regular(io::Result<Prepared>),
    Small(io::Result<Prepared>),
}

impl Shelf {
    pub(super) fn new(next: u32) -> Self {
        Self {
            next,
            ready: None,
            standing: Standing::Open,
            short: false,
            small_wanted: false,
            ballast: false,
            first_taken: false,
            sealed: Vec::new(),
            manned: false,
            closed: false,
        }
    }

    /// Takes what is ready. `None` only if nothing is.
    pub(super) fn take(&mut self) -> Option<Prepared> {
        let prepared = self.ready.take()?;
        self.first_taken = true;
        match prepared.number.checked_add(1) {
            Some(next) => self.next = next,
            None => self.standing = Standing::Failed(io::Error::other("out of numbers")),
        }
        Some(prepared)
    }

    /// What is to be done next. Cutting comes first: it gives space back.
    pub(super) fn job(&mut self) -> Option<Job> {
        if self.closed {
            return None;
        }
        if !self.sealed.is_empty() {
            return Some(Job::Cut(std::mem::take(&mut self.sealed)));
        }
        match self.standing {
            _ if self.ready.is_some() => None,
            Standing::Open if self.first_taken && !self.ballast => Some(Job::Ballast),
            Standing::Open => Some(Job::Regular(self.next)),
            Standing::Full if self.small_wanted => Some(Job::Small(self.next)),
            Standing::Full | Standing::Exhausted | Standing::Failed(_) => None,
        }
    }

    pub(super) fn note(&mut self, done: Done) {
        let (fault, standing) = match done {
            Done::Cut => return,
            Done::Ballast(Ok(())) => {
                self.ballast = true;
                return;
            }
            Done::Regular(Ok(prepared)) => {
                self.ready = Some(prepared);
                self.short = false;
                return;
            }
            Done::Small(Ok(prepared)) => {
                tracing::warn!(bytes = prepared.room, "the disk is full: only settlements go on");
                self.ballast = false;
                self.ready = Some(prepared);
                return;
            }
            Done::Ballast(Err(fault)) | Done::Regular(Err(fault)) => (fault, Standing::Full),
            Done::Small(Err(fault)) => (fault, Standing::Exhausted),
        };
        if says_full(&fault) {
            self.lack(standing);
        } else {
            self.standing = Standing::Failed(fault);
        }
    }

    /// There is no space for a segment: it stands so until it is looked at again.
    pub(super) fn lack(&mut self, standing: Standing) {
        self.standing = standing;
        self.short = true;
    }

    pub(super) fn look_again(&mut self) {
        if matches!(self.standing, Standing::Full | Standing::Exhausted) {
            self.standing = Standing::Open;
        }
    }

    pub(super) fn take_fault(&mut self) -> io::Error {
        match std::mem::replace(&mut self.standing, Standing::Open) {
            Standing::Failed(fault) => fault,
            Standing::Open | Standing::Full | Standing::Exhausted => {
                io::Error::other("no segment can be made")
            }
        }
    }
}
