//! The checkpoints of a folder, and what the newest one says that must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sluicegate_core::queue::{Place, QueueNumber, Snapshot};

use super::finding::{Finding, Severity, What};
use super::report::Report;
use super::stopped::Stopped;
use crate::format::changes::{Changes, Happened};
use crate::format::checkpoint;
use crate::format::entry::Head;
use crate::recovery::numbered;

/// The newest checkpoint that is sound.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Start-up reads the log from here.
    pub(super) from: u64,
    queues: Vec<(QueueNumber, u64, Snapshot)>,
}

/// Looks at every checkpoint; gives the newest that is sound, an empty one if none is.
pub(super) fn check(stopped: &Stopped, report: &mut Report) -> io::Result<Newest> {
    let mut newest = Newest::default();
    for number in numbered(&*stopped.disk, "checkpoints", ".checkpoint")? {
        let name = format!("checkpoints/{}", checkpoint::file_name(number));
        let bytes = stopped.disk.read(&name)?.unwrap_or_default();
        let mut locked = false;
        let open = |head: &Head, body: &[u8]| {
            let mut scratch = Vec::new();
            match stopped.unsealer.open(head, body, &mut scratch) {
                Ok(body) => Ok(body.map(<[u8]>::to_vec)),
                Err(fault) => {
                    locked = true;
                    Err(fault)
                }
            }
        };
        match checkpoint::decode(&bytes, open) {
            Ok(Some(found)) => newest = Newest { from: found.from, queues: found.queues },
            Ok(None) => report.add(Finding::new(What::Checkpoint, Severity::Damaged, name)),
            // Its checksums are right, and there is no key to see more.
            Err(_) if locked => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(newest)
}

/// Arrivals that the newest checkpoint counts in segments that are not there, less those of which
/// the log says later that they left: a segment goes as soon as nothing in it is needed.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// By segment and queue: how many the checkpoint counts.
    counted: BTreeMap<(u32, QueueNumber), u64>,
    /// By queue: changes before this position are in the checkpoint.
    marks: BTreeMap<QueueNumber, u64>,
    /// Of these the checkpoint does not count the lane.
    held: BTreeSet<(QueueNumber, Place)>,
}

impl Gone {
    /// What the checkpoint counts in segments that `is_there` does not know.
    pub(super) fn new(newest: &Newest, is_there: impl Fn(u32) -> bool) -> Self {
        let mut gone = Self::default();
        for (queue, mark, snapshot) in &newest.queues {
            gone.marks.insert(*queue, *mark);
            for run in snapshot.lanes.iter().flat_map(|lane| &lane.runs) {
                if !is_there(run.segment) {
                    *gone.counted.entry((run.segment, *queue)).or_default() += run.left;
                }
            }
            let held = snapshot.held.iter().map(|held| held.item.id);
            gone.held.extend(held.filter(|id| !is_there(id.segment())).map(|id| (*queue, id)));
        }
        gone
    }

    /// The log says this, at this position.
    pub(super) fn note(&mut self, position: u64, changes: &Changes) {
        if self.counted.is_empty()
            || self.marks.get(&changes.queue).is_some_and(|mark| position < *mark)
        {
            return;
        }
        for (id, happened) in &changes.all {
            let left = !matches!(
                happened,
                Happened::Attempted(_) | Happened::Failed(..) | Happened::Returned
            );
            if !left || self.held.contains(&(changes.queue, *id)) {
                continue;
            }
            if let Some(count) = self.counted.get_mut(&(id.segment(), changes.queue)) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// Whether anything is counted in this segment, lost or not.
    pub(super) fn counts(&self, segment: u32) -> bool {
        self.counted.keys().any(|(other, _)| *other == segment)
    }

    /// What is lost: segment, queue, how many.
    pub(super) fn lost(self) -> impl Iterator<Item = (u32, QueueNumber, u64)> {
        let lost = self.counted.into_iter().filter(|(_, count)| *count > 0);
        lost.map(|((segment, queue), count)| (segment, queue, count))
    }
}
