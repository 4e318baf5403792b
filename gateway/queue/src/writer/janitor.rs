//! What the writer does beside writing: deletes segments that nobody needs, forgets keys, and
//! looks at the free space.

use std::io;
use std::sync::atomic::Ordering;

use super::run::Writer;
use crate::format::keys;
use crate::log::segment_name;

impl Writer {
    /// Deletes what nobody needs; looks at the free space if the chores are due. What fails here
    /// is logged and tried again: it must not stop commits, and least of all on a full disk.
    pub(super) fn tidy(&mut self, chores_due: bool) {
        if !chores_due && self.untidy {
            return;
        }
        let mut done = self.delete_spare();
        if chores_due {
            self.look_at_space();
            done = done.and_then(|()| self.delete_keys());
        }
        self.untidy = done.is_err();
        if let Err(fault) = done {
            tracing::warn!(error = %fault, "old segments or keys cannot be deleted");
        }
    }

    /// Deletes the oldest segments as long as nobody needs them. The keys that are remembered
    /// from a segment are durable elsewhere before it goes.
    fn delete_spare(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        while let Some((segment, numbers)) = self.ledger.spare(self.log.segment(), now) {
            self.keys.forget(now);
            let last = numbers.end;
            let mut remembered = self.keys.range(numbers).peekable();
            if remembered.peek().is_some() {
                let bytes = keys::encode(remembered);
                self.disk.replace("keys", &keys::file_name(segment), &bytes)?;
                self.key_files.push_back((segment, last));
            }
            self.segments.remove(segment);
            self.remove(&segment_name(segment))?;
            self.disk.sync_folder("log")?;
            self.ledger.remove(segment);
        }
        Ok(())
    }

    /// Deletes the files of keys that are all forgotten.
    fn delete_keys(&mut self) -> io::Result<()> {
        self.keys.forget(self.clock.now());
        let first = self.keys.first();
        let before = self.key_files.len();
        while let Some((segment, last)) = self.key_files.front().copied() {
            if last > first {
                break;
            }
            self.remove(&format!("keys/{}", keys::file_name(segment)))?;
            self.key_files.pop_front();
        }
        if self.key_files.len() < before { self.disk.sync_folder("keys") } else { Ok(()) }
    }

    /// Looks at the free space. If it cannot be known, commits go on: the disk itself will say.
    pub(crate) fn look_at_space(&self) {
        let free = self.disk.free_bytes().unwrap_or(u64::MAX);
        let full = free < self.free_bytes_min;
        if self.counters.disk_full.swap(full, Ordering::Relaxed) != full {
            tracing::warn!(free_bytes = free, refusing = full, "free space crossed the reserve");
        }
    }

    /// Takes a name away; a try before this one may have done it.
    fn remove(&self, name: &str) -> io::Result<()> {
        match self.disk.remove(name) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}
