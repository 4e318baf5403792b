//! Opening a folder: the newest checkpoint that is sound, and what the log says after it.
//!
//! Nothing is thrown away because something else is missing: without a checkpoint the whole log is
//! read, without an index its segment is; an event whose queue has no name any more lies in a
//! queue named by its number, and damage costs the entry that it is in.

mod apply;
mod count;
mod damage;
mod names;
mod segments;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Policy, QueueState};
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::state::Table;
use sluicegate_core::time::Moment;

use crate::dedupe::Keys;
use crate::disk::Disk;
use crate::format::checkpoint;
use crate::format::entry::Head;
use crate::index::Indexes;
use crate::listing::Listings;
use crate::log::{Ledger, Segments, segment_number};
use crate::quarantine;
use crate::seal::Unsealer;

pub(crate) use count::count;

/// What a folder holds.
pub(crate) struct Recovered {
    /// The names of the queues, by number.
    pub(crate) names: Vec<QueueName>,
    /// The names as the file of names has them.
    pub(crate) names_saved: Vec<QueueName>,
    /// The queues, by number. Their policies are still to be set.
    pub(crate) states: Vec<QueueState>,
    pub(crate) ledger: Ledger,
    pub(crate) keys: Keys,
    pub(crate) segments: Arc<Segments>,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) listings: Arc<Listings>,
    pub(crate) checkpoint: Checkpoints,
    /// The checkpoints on the disk, oldest first: number, and the segment that it reads from.
    pub(crate) checkpoints: VecDeque<(u32, u32)>,
    /// The files of keys, oldest first, each with the number after its last key.
    pub(crate) key_files: VecDeque<(u32, u64)>,
    /// What filters remember.
    pub(crate) state: Table,
    /// The number of the next segment.
    pub(crate) next_segment: u32,
    /// Damaged places found.
    pub(crate) quarantined: u64,
    /// Entries of the log that were read.
    pub(crate) entries: u64,
}

/// What the arrivals of a segment are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// From its index, if that is sound.
    Indexes,
    /// From the segment itself: the keys in its index are hashed with a key that was lost.
    Segments,
}

/// What became of the checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checkpoints {
    /// There never was one.
    None,
    /// One was read.
    Read,
    /// There were some, and none could be read.
    Lost,
}

/// What recovery must know beside the folder.
pub(crate) struct Terms {
    pub(crate) folder_key: [u8; 16],
    pub(crate) indexes: Trust,
    /// Opens sealed entries.
    pub(crate) unsealer: Unsealer,
    pub(crate) dedupe_window: Duration,
    pub(crate) dedupe_keys_max: usize,
    pub(crate) now: Moment,
}

/// Reads a folder.
pub(crate) fn recover(disk: &Arc<dyn Disk>, terms: Terms) -> io::Result<Recovered> {
    let segments = Arc::new(Segments::new(Arc::clone(disk)));
    let indexes = Arc::new(Indexes::new(Arc::clone(disk)));
    let listings = Arc::new(Listings {
        indexes: Arc::clone(&indexes),
        segments: Arc::clone(&segments),
        folder_key: terms.folder_key,
        unsealer: terms.unsealer.clone(),
        repairs: Mutex::new(()),
    });
    let mut recovery = Recovery {
        disk: &**disk,
        out: Recovered {
            names: Vec::new(),
            names_saved: Vec::new(),
            states: Vec::new(),
            ledger: Ledger::default(),
            keys: Keys::new(terms.dedupe_window, terms.dedupe_keys_max),
            segments,
            indexes,
            listings,
            checkpoint: Checkpoints::None,
            checkpoints: VecDeque::new(),
            key_files: VecDeque::new(),
            state: Table::default(),
            next_segment: 1,
            quarantined: 0,
            entries: 0,
        },
        from: 0,
        newest: None,
        kept: BTreeSet::new(),
        marks: Vec::new(),
        terms,
    };
    recovery.read_names()?;
    recovery.read_checkpoints()?;
    recovery.read_segments()?;
    Ok(recovery.out)
}

/// The numbers of the files in a folder, in order.
pub(crate) fn numbered(disk: &dyn Disk, folder: &str, ending: &str) -> io::Result<Vec<u32>> {
    let names = disk.list(folder)?;
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| segment_number(name, ending)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    terms: Terms,
    /// Arrivals before this position are in the checkpoint.
    from: u64,
    /// The newest segment that something came from, as the checkpoint knows.
    newest: Option<u32>,
    /// Segments whose idempotency keys are in a file of their own.
    kept: BTreeSet<u32>,
    /// By queue number: changes of the queue before this position are in the checkpoint.
    marks: Vec<u64>,
    out: Recovered,
}

impl Recovery<'_> {
    /// The newest checkpoint that is sound; if none is, the log is read from its beginning.
    fn read_checkpoints(&mut self) -> io::Result<()> {
        let (mut found, mut damaged) = (None, 0);
        for number in numbered(self.disk, "checkpoints", ".checkpoint")?.into_iter().rev() {
            let name = format!("checkpoints/{}", checkpoint::file_name(number));
            let bytes = self.disk.read(&name)?.unwrap_or_default();
            let open = |head: &Head, body: &[u8]| {
                let mut scratch = Vec::new();
                let opened = self.terms.unsealer.open(head, body, &mut scratch)?;
                Ok(opened.map(<[u8]>::to_vec))
            };
            let Some(checkpoint) = checkpoint::decode(&bytes, open)? else {
                tracing::error!(file = name, "checkpoint is damaged: set aside");
                self.out.quarantined += 1;
                // It must not be taken for one that start-up can rely on.
                quarantine::move_here(self.disk, &name)?;
                damaged += 1;
                continue;
            };
            self.out.checkpoints.push_front((number, (checkpoint.from >> 32) as u32));
            found = found.or(Some(checkpoint));
        }
        let Some(checkpoint) = found else { return self.recount(damaged) };
        self.out.checkpoint = Checkpoints::Read;
        self.from = checkpoint.from;
        for (scope, key, write) in &checkpoint.state {
            self.out.state.restore(scope, key, write, self.terms.now.wall);
        }
        for (queue, mark, snapshot) in checkpoint.queues {
            let at = usize::from(queue.0);
            if self.marks.len() <= at {
                self.marks.resize(at + 1, 0);
            }
            if let Some(known) = self.marks.get_mut(at) {
                *known = mark;
            }
            self.newest = self.newest.max(Some(snapshot.newest.segment()));
            let state = QueueState::from_snapshot(KEEP, snapshot, self.terms.now);
            *self.state(queue) = state;
        }
        Ok(())
    }
}

impl Recovery<'_> {
    /// No checkpoint can be read: all is counted from the log, as far as that is there. A segment
    /// is deleted only once there were two checkpoints, so a log without its beginning had some.
    fn recount(&mut self, damaged: u64) -> io::Result<()> {
        let there = numbered(self.disk, "log", ".log")?;
        let whole = there.iter().copied().eq(1..=there.len() as u32);
        if damaged > 0 || !whole {
            self.out.checkpoint = Checkpoints::Lost;
            tracing::error!(
                damaged,
                "no checkpoint can be read: everything is counted from the log. Events that were \
                 settled in segments that are deleted come again, with no attempts made, and what \
                 filters wrote there is forgotten"
            );
        }
        Ok(())
    }
}

/// How a queue that nobody configures treats its events: it keeps them.
pub(crate) const KEEP: Policy = Policy {
    retry: RetryPolicy {
        attempts_max: 1,
        wait_min: Duration::from_secs(1),
        wait_max: Duration::from_secs(60),
    },
    dead_letters: DeadLetters::Stay,
    ..Policy::DEFAULT
};
