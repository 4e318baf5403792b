//! What the writer does beside writing: has segments deleted that nobody needs, forgets keys, and
//! looks at the free space.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sluicegate_core::queue::QueueNumber;
use tokio::sync::oneshot;

use super::run::Writer;
use crate::archive::Job;
use crate::config::Retain;
use crate::format::keys;
use crate::rooms::Room;

impl Writer {
    /// Has deleted what nobody needs; looks at the free space if the chores are due.
    pub(super) fn tidy(&mut self, chores_due: bool) -> io::Result<()> {
        if chores_due {
            self.look_at_space();
            self.forget_keys();
            self.states.sweep();
            self.count_keys();
        }
        if self.ledger.take_changed() || chores_due {
            self.delete_spare()?;
        }
        Ok(())
    }

    fn delete_spare(&mut self) -> io::Result<()> {
        let now = self.passed();
        let rooms = &self.rooms;
        let (oldest, floor) = self.archive.older();
        let spare = self.ledger.spare(oldest, floor, now, |queue| retain_of(rooms, queue));
        if spare.is_empty() {
            return Ok(());
        }
        // What emptied the segments must be durable before they go.
        self.flush()?;
        for (segment, numbers) in spare {
            self.keys.forget(now);
            let last = numbers.end;
            let mut remembered = self.keys.range(numbers).peekable();
            let keys = remembered.peek().is_some().then(|| keys::encode(remembered));
            if keys.is_some() {
                self.key_files.push_back((segment, last));
            }
            self.archive.give(Job::Delete { segment, keys });
            self.ledger.remove(segment);
        }
        Ok(())
    }

    /// Nothing is deleted or thinned any more that was chosen before a queue was held. What the
    /// archive was given already it has done, or given up, when it answers.
    pub(super) fn spare_all(&mut self, ticket: oneshot::Sender<()>) {
        if let Some(gathering) = &mut self.progress.gathering {
            self.ledger.not_chosen(&gathering.take_thinning());
        }
        self.archive.give(Job::Spare(ticket));
    }

    /// Forgets old keys, and has the files deleted whose keys are all forgotten.
    fn forget_keys(&mut self) {
        self.keys.forget(self.passed());
        let first = self.keys.first();
        let gone = |(_, last): &(u32, u64)| *last <= first;
        let old: Vec<u32> =
            self.key_files.iter().filter(|file| gone(file)).map(|(segment, _)| *segment).collect();
        if !old.is_empty() {
            self.key_files.retain(|file| !gone(file));
            self.archive.give(Job::DeleteKeys(old));
        }
    }

    /// Looks at the free space. If it cannot be known, commits go on: the disk itself will say.
    pub(crate) fn look_at_space(&self) {
        let free = self.disk.free_bytes().unwrap_or(u64::MAX);
        self.counters.free_bytes.store(free, Ordering::Relaxed);
        let full = free < self.free_bytes_min || self.depot.full();
        if self.counters.disk_full.swap(full, Ordering::Relaxed) != full {
            tracing::warn!(free_bytes = free, refusing = full, "free space crossed the reserve");
        }
    }
}

/// How long a queue keeps what is settled.
pub(super) fn retain_of(rooms: &[Arc<Room>], queue: QueueNumber) -> Retain {
    let room = rooms.get(usize::from(queue.0));
    room.map_or_else(Retain::default, |room| room.plan().retain)
}
